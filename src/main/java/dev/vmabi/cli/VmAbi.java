package dev.vmabi.cli;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The command line. Exit code 0: accepted or done; 1: refused; 2: bad input or usage. */
@Command(
        name = "vmabi",
        mixinStandardHelpOptions = true,
        description = "What a guest sees on an arm64 host, where it can go, and the most that hosts have in common.",
        subcommands = {
            CheckCommand.class,
            DiffCommand.class,
            PlanCommand.class,
            ShowCommand.class,
            TakenCommand.class,
            ExportCommand.class,
            ProbeCommand.class,
            ProveCommand.class,
            ReplayCommand.class,
            StatusCommand.class,
            NodesCommand.class,
            ExplainCommand.class,
            HoldsDownCommand.class,
            PreflightCommand.class,
            DrainCheckCommand.class,
            RaiseCommand.class,
            HistoryCommand.class,
            SupportBundleCommand.class,
            CompletionCommand.class,
            CompleteCommand.class
        },
        footer = {
            "",
            "status, nodes, explain, holds-down, preflight, drain-check, raise, history and support-bundle ask the cluster that kubectl would talk to,"
                    + " and so do diff and export for nodes and policies; the others work on files or on this host.",
            "Hosts are read from profiles (JSON or YAML), recorded dumps and Firecracker fingerprints, told by content.",
            "Exit code: 0 accepted or done, 1 refused, 2 bad input."
        })
public final class VmAbi implements Runnable {

    static final int REFUSED = 1;
    static final int BAD_INPUT = 2;

    @Spec
    private CommandSpec spec;

    public static void main(String[] args) {
        System.exit(commandLine().execute(args));
    }

    /** The command line as {@link #main} runs it, for tests. */
    public static CommandLine commandLine() {
        return commandLine(CommandLine.defaultFactory());
    }

    /** As {@link #commandLine()}, with a factory that may make another {@link ClusterAccess}. */
    static CommandLine commandLine(CommandLine.IFactory factory) {
        CommandLine line = new CommandLine(new VmAbi(), factory);
        line.setCaseInsensitiveEnumValuesAllowed(true);
        line.setExecutionExceptionHandler((e, command, parsed) -> {
            String message = e instanceof InputException || e instanceof IllegalArgumentException
                    ? e.getMessage()
                    : "unexpected failure, please report it: " + e;
            command.getErr().println("vmabi: " + message);
            return BAD_INPUT;
        });
        return line;
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "name a command");
    }
}
