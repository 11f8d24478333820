package dev.vmabi.chaos;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class ScheduleTest {
    private static final List<Fault> FAULTS = Stream.of("a", "b", "c")
            .map(n -> fault(n, n.equals("c") ? "other" : "one", 20))
            .toList();

    private static Fault fault(String name, String group, int seconds) {
        return new Fault(name, group, true, seconds, _ -> {}, _ -> {});
    }

    @Test
    void theSameSeedGivesTheSameFaultsAtTheSameTime() {
        assertThat(Schedule.of(FAULTS, 600, 7)).isEqualTo(Schedule.of(FAULTS, 600, 7));
        assertThat(Schedule.of(FAULTS, 600, 7)).isNotEqualTo(Schedule.of(FAULTS, 600, 8));
    }

    @Test
    void faultsOfOneGroupDoNotOverlapOthersDoAndAllEndInTime() {
        List<Schedule.Injection> all = Schedule.of(FAULTS, 600, 1).injections();
        assertThat(all).hasSizeGreaterThan(20);
        boolean overlap = false;
        for (int i = 1; i < all.size(); i++) {
            Schedule.Injection now = all.get(i);
            assertThat(now.at() + now.fault().seconds()).isLessThanOrEqualTo(600);
            for (Schedule.Injection before : all.subList(0, i)) {
                boolean over = before.at() + before.fault().seconds() <= now.at();
                overlap |= !over;
                assertThat(over || !before.fault().group().equals(now.fault().group()))
                        .as("%s and %s", before, now)
                        .isTrue();
            }
        }
        assertThat(overlap).isTrue();
    }
}
