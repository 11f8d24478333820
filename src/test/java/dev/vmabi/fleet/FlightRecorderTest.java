package dev.vmabi.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vmabi.fleet.Recording.Replayed;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What random sequences decide, recorded, written as JSON, read and decided again. */
class FlightRecorderTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** The product, with a recorder in it as the operator has one. */
    private record Recorded(FlightRecorder recorder, List<String> unknown) implements SimulatedCluster.Rules {
        @Override
        public PolicyDecision decide(Fleet fleet, FleetState.Policy read, Instant now) {
            FleetState.Policy policy = new FleetState.Policy(
                    read.name(), read.uid(), read.generation(), read.created(), read.spec(), unknown, read.status());
            PolicyDecision decision = SimulatedCluster.PRODUCT.decide(fleet, policy, now);
            recorder.decided(fleet, policy, now, decision);
            return decision;
        }

        @Override
        public NodeDecision decide(Fleet fleet, FleetState.Node node, Instant now) {
            NodeDecision decision = SimulatedCluster.PRODUCT.decide(fleet, node, now);
            recorder.decided(fleet, node, now, decision);
            return decision;
        }
    }

    private static Recording record(long seed, int most, String... unknown) throws JsonProcessingException {
        FlightRecorder recorder = new FlightRecorder(most);
        FleetSequence.random(seed).run(new Recorded(recorder, List.of(unknown)), new Verdicts());
        return JSON.readValue(JSON.writeValueAsString(recorder.recording()), Recording.class);
    }

    private static List<Replayed> replay(Recording recording) {
        List<Replayed> all = new ArrayList<>();
        recording.replay(all::add);
        return all;
    }

    @ParameterizedTest
    @ValueSource(ints = {100, 400, Integer.MAX_VALUE})
    void whateverIsKeptComesOutTheSame(int most) throws JsonProcessingException {
        for (long seed = 1; seed <= 8; seed++) {
            Recording recording = record(seed, most);
            assertThat(recording.moments()).as("seed %d", seed).hasSizeBetween(5, most);
            assertReplayedAlike(recording, "seed " + seed);
        }
    }

    /** A policy that a later version understands is decided by what this one does not. */
    @Test
    void whatAPolicyAsksForInUnknownWordsIsKept() throws JsonProcessingException {
        Recording recording = record(1, Integer.MAX_VALUE, "spec.enforcement: Later is not known to this version");
        assertThat(JSON.writeValueAsString(recording)).contains("PolicyInvalid");
        assertReplayedAlike(recording, "unknown words");
    }

    private static void assertReplayedAlike(Recording recording, String what) throws JsonProcessingException {
        for (Replayed replayed : replay(recording)) {
            assertThat(JSON.writeValueAsString(replayed.now()))
                    .as("%s, %s", what, replayed.moment().at())
                    .isEqualTo(JSON.writeValueAsString(replayed.moment().decided()));
        }
    }

    @Test
    void theLastDecisionsAreKept() throws JsonProcessingException {
        List<Recording.Moment> all = record(3, Integer.MAX_VALUE).moments();
        List<Recording.Moment> last = record(3, 100).moments();
        assertThat(last.size()).isLessThan(all.size());
        assertThat(last.subList(1, last.size())).isEqualTo(all.subList(all.size() - last.size() + 1, all.size()));
        int objects = last.stream().skip(1).mapToInt(m -> m.change().size()).sum();
        assertThat(last.size() + objects)
                .as("decisions and what changed between them")
                .isLessThanOrEqualTo(100);
    }

    @Test
    void nothingIsKeptWhileItIsOff() throws JsonProcessingException {
        assertThat(record(1, 0).moments()).isEmpty();
    }
}
