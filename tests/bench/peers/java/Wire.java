import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.List;
import java.util.concurrent.Callable;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/** What stands on the topics and in the table, as JSON. Times are ms since 1970, UTC. */
final class Wire {
    record Event(
            String type, String id, String session, String caller,
            @JsonProperty("at_ms") long atMs) {}

    record Caller(long wroteMs, List<Long> callsMs) {}

    record Command(String id, String session, String caller, String rule) {}

    record Outcome(String id, String rule, int status, long atMs) {}

    private static final ObjectMapper JSON = new ObjectMapper();

    static byte[] bytes(Object value) {
        return unchecked(() -> JSON.writeValueAsBytes(value));
    }

    static <T> Serde<T> serde(Class<T> type) {
        return Serdes.serdeFrom(
                (topic, value) -> bytes(value),
                (topic, raw) -> raw == null ? null : unchecked(() -> JSON.readValue(raw, type)));
    }

    private static <T> T unchecked(Callable<T> coding) {
        try {
            return coding.call();
        } catch (Exception bad) {
            throw new IllegalArgumentException(bad);
        }
    }
}
