package dev.vmabi.demo;

import dev.vmabi.cli.VmAbi;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine;

/** Types {@code kubectl vmabi ...} at the demonstration's cluster, and shows what it says. */
final class Kubectl {
    private final Story story;
    private final Path kubeconfig;

    Kubectl(Story story, Path kubeconfig) {
        this.story = story;
        this.kubeconfig = kubeconfig;
    }

    /** Runs a command that must exit so, and gives its output. */
    String vmabi(int exit, String... arguments) {
        StringWriter said = new StringWriter();
        CommandLine line = VmAbi.commandLine();
        line.setOut(new PrintWriter(said, true));
        line.setErr(new PrintWriter(said, true));
        List<String> all = new ArrayList<>(List.of(arguments));
        all.addAll(List.of("--kubeconfig", kubeconfig.toString()));
        int code = line.execute(all.toArray(String[]::new));
        story.say("$ kubectl vmabi " + String.join(" ", arguments));
        said.toString().lines().forEach(l -> story.say("  " + l));
        story.check("kubectl vmabi " + arguments[0] + " exits with " + exit + ", not " + code, code == exit);
        return said.toString();
    }
}
