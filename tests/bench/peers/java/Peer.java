import java.util.Map;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.state.Stores;

/** The same job in Kafka Streams: {@code BOOTSTRAP TOPIC_PREFIX GATEWAY_URL STATE_FOLDER}. */
final class Peer {
    public static void main(String[] args) {
        String prefix = args[1];
        KafkaStreams streams = new KafkaStreams(topology(prefix), new StreamsConfig(Map.of(
                "bootstrap.servers", args[0], "application.id", prefix + "screening",
                "state.dir", args[3], "consumer.auto.offset.reset", "earliest",
                "commit.interval.ms", 200, "poll.ms", 10, "producer.linger.ms", 0)));
        Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
        streams.start();
        try {
            new Sink(args[0], prefix, args[2]).run();
        } catch (Exception fault) {
            fault.printStackTrace();
            System.exit(70);
        }
    }

    private static Topology topology(String prefix) {
        var names = Serdes.String();
        StreamsBuilder builder = new StreamsBuilder();
        builder.addStateStore(Stores.keyValueStoreBuilder(
                Stores.persistentKeyValueStore(Screening.TABLE),
                names, Wire.serde(Wire.Caller.class)));
        builder.stream(prefix + "calls", Consumed.with(names, Wire.serde(Wire.Event.class)))
                .process(Screening::new, Screening.TABLE)
                .to(prefix + "commands", Produced.with(names, Wire.serde(Wire.Command.class)));
        return builder.build();
    }
}
