import java.net.URI;
import java.net.http.*;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.*;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.serialization.Serdes;

/** Command to request to outcome, side by side; commits when all read so far is durable. */
final class Sink {
    private static final Duration COMMIT = Duration.ofMillis(200);

    private final HttpClient http = HttpClient.newHttpClient();
    private final Semaphore connections = new Semaphore(32);
    private final List<CompletableFuture<Future<RecordMetadata>>> underWay = new ArrayList<>();
    private final KafkaConsumer<String, Wire.Command> consumer;
    private final KafkaProducer<String, Wire.Outcome> producer;
    private final String apiKey = System.getenv("BENCH_API_KEY");
    private final String prefix;
    private final String gateway;

    Sink(String bootstrap, String prefix, String gateway) {
        this.prefix = prefix;
        this.gateway = gateway;
        producer = new KafkaProducer<>(
                Map.of("bootstrap.servers", bootstrap, "acks", "all", "linger.ms", 0),
                Serdes.String().serializer(), Wire.serde(Wire.Outcome.class).serializer());
        consumer = new KafkaConsumer<>(
                Map.of("bootstrap.servers", bootstrap, "group.id", prefix + "sink",
                        "auto.offset.reset", "earliest", "enable.auto.commit", false),
                Serdes.String().deserializer(), Wire.serde(Wire.Command.class).deserializer());
        consumer.subscribe(List.of(prefix + "commands"));
    }

    /** Never returns; what it throws leaves offsets uncommitted, so that nothing is lost. */
    void run() throws InterruptedException, ExecutionException {
        long due = System.nanoTime();
        while (true) {
            for (var record : consumer.poll(COMMIT)) {
                connections.acquire();
                underWay.add(reject(record.value()));
            }
            if (System.nanoTime() >= due) {
                for (var outcome : underWay) {
                    outcome.join().get();
                }
                underWay.clear();
                consumer.commitAsync();
                due = System.nanoTime() + COMMIT.toNanos();
            }
        }
    }

    private CompletableFuture<Future<RecordMetadata>> reject(Wire.Command command) {
        URI url = URI.create(gateway + "/api/" + command.session() + "/calls/reject");
        byte[] body = Wire.bytes(Map.of("id", command.id(), "from", command.caller()));
        HttpRequest request = HttpRequest.newBuilder(url)
                .version(HttpClient.Version.HTTP_1_1)
                .timeout(Duration.ofSeconds(6))
                .headers("X-Api-Key", apiKey, "Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofByteArray(body))
                .build();
        return http.sendAsync(request, HttpResponse.BodyHandlers.discarding())
                .handle((answer, error) -> {
                    connections.release();
                    int status = error == null ? answer.statusCode() : 0;
                    long now = System.currentTimeMillis();
                    var outcome = new Wire.Outcome(command.id(), command.rule(), status, now);
                    return producer.send(
                            new ProducerRecord<>(prefix + "outcomes", command.caller(), outcome));
                });
    }
}
