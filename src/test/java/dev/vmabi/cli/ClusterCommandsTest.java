package dev.vmabi.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmabi.fleet.ExampleFleet;
import dev.vmabi.fleet.Fleet;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

/**
 * What the commands that ask a cluster say of one small fleet. The expected texts are files under {@code
 * src/test/resources/cli}; {@code -Dvmabi.golden=write} writes them anew, to be read before they are committed.
 */
class ClusterCommandsTest {
    private static final Path GOLDEN = Path.of("src/test/resources/cli");
    private static final Fleet FLEET = ExampleFleet.fleet();

    private final List<String> approved = new ArrayList<>();
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private final class OneFleet extends ClusterAccess {
        @Override
        View view() {
            return new View(FLEET, "default");
        }

        @Override
        void approve(String policy, String digest) {
            approved.add(policy + " " + digest);
        }
    }

    private int run(String... arguments) {
        CommandLine.IFactory standard = CommandLine.defaultFactory();
        CommandLine line = VmAbi.commandLine(new CommandLine.IFactory() {
            @Override
            public <K> K create(Class<K> type) throws Exception {
                return type == ClusterAccess.class ? type.cast(new OneFleet()) : standard.create(type);
            }
        });
        line.setOut(new PrintWriter(out, true));
        line.setErr(new PrintWriter(err, true));
        return line.execute(arguments);
    }

    @ParameterizedTest
    @CsvSource({
        "0, status, status",
        "0, status-wide, status -o wide",
        "0, status-pool-a, status pool-a",
        "0, status-pool-b, status pool-b",
        "0, status-pool-c, status pool-c",
        "0, nodes, nodes",
        "0, nodes-wide, nodes -o wide",
        "0, nodes-json, nodes pool-a -o json",
        "0, explain-web, explain vm/web",
        "1, explain-db-to, explain default/db --to a-1",
        "1, explain-db-yaml, explain db -o yaml",
        "0, holds-down, holds-down pool-a",
        "0, holds-down-json, holds-down pool-a -o json",
        "1, drain-check-a-2, drain-check a-2",
        "0, drain-check-a-1, drain-check a-1",
        "1, drain-check-json, drain-check a-2 -o json",
        "0, preflight-back, preflight pool-a --kernel 6.12 --nodes a-2",
        "0, preflight-on, preflight pool-a --kernel 6.18 --nodes a-1",
        "0, preflight-share, preflight pool-a --kernel 6.12 --share 50",
        "1, preflight-json, preflight pool-a --kernel 6.12 -o json",
        "1, preflight-all-back, preflight pool-a --kernel 6.12",
        "1, preflight-profile, preflight pool-a --profile 62a8c506d4a401b3 --nodes a-1",
        "0, raise, raise pool-c",
        "1, raise-nothing, raise pool-b",
        "0, history, history pool-a",
        "0, diff, diff a-1 a-2",
        "0, export, export --policy pool-a --format qemu-cpu",
        "1, export-nothing, export --policy pool-b --format qemu-cpu",
    })
    void saysWhatItSaid(int exit, String file, String command) throws IOException {
        int code = run(command.split(" "));
        String said = "$ kubectl vmabi " + command + "\n" + out + err;
        Path golden = GOLDEN.resolve(file + ".txt");
        if ("write".equals(System.getProperty("vmabi.golden"))) {
            Files.writeString(golden, said);
        }
        assertThat(said).isEqualTo(Files.readString(golden, StandardCharsets.UTF_8));
        assertThat(code).isEqualTo(exit);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "status nothing | there is no VirtualMachineABI nothing; there are pool-a, pool-b, pool-c",
                "explain vm/nobody | there is no running VM nobody in namespace default; name another with -n NAMESPACE",
                "explain web --to nowhere | --to nowhere: there is no such node",
                "drain-check nowhere | there is no node nowhere",
                "diff a-1 b-1 | node b-1: no agent has reported for node b-1",
                "export --format qemu-cpu | name either hosts or a --policy",
                "preflight pool-a --kernel 6.12 --nodes c-1 | --nodes c-1: policy pool-a holds no such node",
                "preflight pool-a --profile 00 | --profile 00: neither a file nor the first 16 or more digits of an ABIProfile in the cluster",
                "raise pool-a --approve 12 | --approve 12: is neither the candidate of pool-a nor the baseline before its last raise; it has neither",
            })
    void badInputIsSaidInOneLine(String command, String message) {
        assertThat(run(command.split(" "))).isEqualTo(VmAbi.BAD_INPUT);
        assertThat(err).hasToString("vmabi: " + message + "\n");
        assertThat(approved).isEmpty();
    }

    @Test
    void approvesTheCandidateByItsBeginning() {
        String candidate =
                FLEET.policy("pool-c").orElseThrow().status().candidate().digest();
        assertThat(run("raise", "pool-c", "--approve", candidate.substring(0, 16)))
                .isZero();
        assertThat(approved).containsExactly("pool-c " + candidate);
        assertThat(out).hasToString("approved " + candidate + " for pool-c\n");
    }

    @Test
    void completesCommandsAndOptions() {
        run("__complete", "--", "dr");
        assertThat(out).hasToString("drain-check\n:4\n");
    }
}
