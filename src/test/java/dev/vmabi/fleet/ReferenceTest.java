package dev.vmabi.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The page of reasons and the code say the same. */
class ReferenceTest {
    private static final Pattern REASON = Pattern.compile("`([A-Z][A-Za-z]+)`");
    private static List<List<String>> rows;

    @BeforeAll
    static void read() throws IOException {
        rows = Files.readAllLines(Path.of("docs/reference/conditions.md")).stream()
                .filter(l -> l.startsWith("| "))
                .map(l -> Arrays.stream(l.substring(1, l.lastIndexOf('|')).split("\\|"))
                        .map(String::strip)
                        .toList())
                .filter(cells -> REASON.matcher(cells.get(1)).matches())
                .toList();
    }

    private static Stream<List<String>> rows(int width) {
        return rows.stream().filter(r -> r.size() == width);
    }

    private static String reason(List<String> row) {
        return row.get(1).replace("`", "");
    }

    @Test
    void everyReasonOfAConditionHasARowAndNoOtherHas() {
        assertThat(reasons(4)).isEqualTo(names(ConditionReason.values()));
    }

    @Test
    void everyReasonOfAnEventHasARowAndNoOtherHas() {
        assertThat(reasons(5)).isEqualTo(names(FleetEvent.Reason.values()));
        assertThat(rows(5))
                .allSatisfy(r -> assertThat(r.get(2))
                        .as(reason(r))
                        .isEqualTo(FleetEvent.Reason.valueOf(reason(r)).type()));
    }

    @Test
    void everyRowHasACauseAndWhatIsWrongHasACure() {
        assertThat(rows)
                .allSatisfy(r -> assertThat(r.get(r.size() - 2)).as(reason(r)).isNotEmpty());
        assertThat(rows(4).filter(r ->
                                r.getFirst().contains("=False") || r.getFirst().contains("Degraded=True"))
                        .filter(r -> !r.getFirst().contains("Degraded=False")))
                .isNotEmpty()
                .allSatisfy(r -> assertThat(r.getLast()).as(reason(r)).isNotEmpty());
    }

    private static Set<String> reasons(int width) {
        return rows(width).map(ReferenceTest::reason).collect(Collectors.toCollection(TreeSet::new));
    }

    private static Set<String> names(Enum<?>[] values) {
        return Arrays.stream(values).map(Enum::name).collect(Collectors.toCollection(TreeSet::new));
    }
}
