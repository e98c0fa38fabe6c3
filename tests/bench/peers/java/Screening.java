import java.util.List;
import java.util.stream.Stream;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/** Rejects the third call of one caller within 60 s, and all who have not written for a year. */
final class Screening extends ContextualProcessor<String, Wire.Event, String, Wire.Command> {
    static final String TABLE = "callers";
    private static final long WITHIN_MS = 60_000;
    private static final long YEAR_MS = 365 * 86_400_000L;
    private static final Wire.Caller STRANGER = new Wire.Caller(0, List.of());

    @Override
    public void process(Record<String, Wire.Event> record) {
        KeyValueStore<String, Wire.Caller> callers = context().getStateStore(TABLE);
        Wire.Event event = record.value();
        Wire.Caller known = callers.get(record.key());
        Wire.Caller caller = known == null ? STRANGER : known;
        if (!event.type().equals("call.received")) {
            callers.put(record.key(), new Wire.Caller(event.atMs(), caller.callsMs()));
            return;
        }
        Stream<Long> before = caller.callsMs().stream().filter(at -> at > event.atMs() - WITHIN_MS);
        List<Long> calls = Stream.concat(before, Stream.of(event.atMs())).toList();
        callers.put(record.key(), new Wire.Caller(caller.wroteMs(), calls));
        boolean isStranger = caller.wroteMs() < event.atMs() - YEAR_MS;
        if (calls.size() >= 3 || isStranger) {
            String rule = calls.size() >= 3 ? "burst" : "text-first";
            context().forward(record.withValue(
                    new Wire.Command(event.id(), event.session(), event.caller(), rule)));
        }
    }
}
