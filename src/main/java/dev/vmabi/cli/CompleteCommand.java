package dev.vmabi.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Completes {@code kubectl vmabi ...}: kubectl 1.26 and later run {@code kubectl_complete-vmabi} with the words so far. */
@Command(name = "__complete", hidden = true)
final class CompleteCommand implements Runnable {
    /** Cobra's directive for "no files". */
    private static final String NO_FILES = ":4";

    @Spec
    private CommandSpec spec;

    @Parameters(arity = "0..*")
    private List<String> words = new ArrayList<>();

    @Override
    public void run() {
        String[] so = words.isEmpty() ? new String[] {""} : words.toArray(String[]::new);
        int last = so.length - 1;
        List<CharSequence> ends = new ArrayList<>();
        AutoComplete.complete(spec.root(), so, last, so[last].length(), so[last].length(), ends);
        SortedSet<String> whole = new TreeSet<>();
        ends.forEach(end -> whole.add(so[last] + end));
        whole.remove("__complete");
        whole.forEach(spec.commandLine().getOut()::println);
        spec.commandLine().getOut().println(NO_FILES);
        spec.commandLine().getOut().flush();
    }
}
