import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MappingIterator;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.strimzi.api.kafka.model.common.UnknownPropertyPreserving;
import io.strimzi.api.kafka.model.kafka.Kafka;
import io.strimzi.api.kafka.model.nodepool.KafkaNodePool;
import io.strimzi.api.kafka.model.topic.KafkaTopic;
import io.strimzi.api.kafka.model.user.KafkaUser;
import java.beans.Introspector;
import java.io.File;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;

/**
 * Reads Strimzi's resources out of a YAML stream into Strimzi's own types, and names every field
 * that these do not know. `java -cp 'JARS/*' Check.java FILE` prints how many there are of each
 * kind, and ends with 1 where something is unknown.
 */
public class Check {
    private static final Map<String, Class<?>> KINDS = Map.of(
        "Kafka", Kafka.class, "KafkaNodePool", KafkaNodePool.class,
        "KafkaTopic", KafkaTopic.class, "KafkaUser", KafkaUser.class);

    public static void main(String[] arguments) throws Exception {
        YAMLMapper mapper = new YAMLMapper();
        List<String> unknown = new ArrayList<>();
        Map<String, Integer> seen = new java.util.TreeMap<>();
        try (MappingIterator<JsonNode> documents =
                mapper.readerFor(JsonNode.class).readValues(new File(arguments[0]))) {
            while (documents.hasNext()) {
                JsonNode document = documents.next();
                if (!document.path("apiVersion").asText().startsWith("kafka.strimzi.io/")) {
                    continue;
                }
                String kind = document.get("kind").asText();
                seen.merge(kind, 1, Integer::sum);
                String name = kind + "/" + document.at("/metadata/name").asText();
                look(mapper.treeToValue(document, KINDS.get(kind)), name, unknown);
            }
        }
        seen.forEach((kind, count) -> System.out.println(kind + " " + count));
        unknown.forEach(System.err::println);
        System.exit(unknown.isEmpty() ? 0 : 1);
    }

    private static void look(Object value, String where, List<String> unknown) throws Exception {
        if (value instanceof Collection<?> several) {
            int index = 0;
            for (Object each : several) {
                look(each, where + "[" + index++ + "]", unknown);
            }
        }
        if (!(value instanceof UnknownPropertyPreserving known)) {
            return;
        }
        for (String name : known.getAdditionalProperties().keySet()) {
            unknown.add(where + "." + name + " is no field of " + value.getClass().getSimpleName());
        }
        for (var property : Introspector.getBeanInfo(value.getClass()).getPropertyDescriptors()) {
            if (property.getReadMethod() != null && !property.getName().equals("class")) {
                Object inner = property.getReadMethod().invoke(value);
                look(inner, where + "." + property.getName(), unknown);
            }
        }
    }
}
