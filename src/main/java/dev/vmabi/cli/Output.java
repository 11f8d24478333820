package dev.vmabi.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLGenerator;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Writes results: aligned and, on a terminal, coloured text for people, JSON or YAML for programs. */
final class Output {

    /** Form of the output. */
    enum Form {
        TEXT,
        WIDE,
        JSON,
        YAML
    }

    private static final ObjectMapper JSON =
            JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();
    private static final ObjectMapper YAML = YAMLMapper.builder()
            .disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER)
            .build();

    @Option(
            names = {"-o", "--output"},
            paramLabel = "text|wide|json|yaml",
            description = "Form of the output (default: ${DEFAULT-VALUE}).",
            defaultValue = "text")
    private Form form;

    @Spec(Spec.Target.MIXEE)
    private CommandSpec command;

    boolean text() {
        return form == Form.TEXT || form == Form.WIDE;
    }

    /** Whether tables are to have all their columns. */
    boolean wide() {
        return form == Form.WIDE;
    }

    /** Writes a tree of maps and lists in the form that was asked for. */
    void tree(Object tree) {
        write(form == Form.YAML ? YAML : JSON, tree);
    }

    /** Writes a tree as JSON whatever form was asked for: a file that another program defines. */
    void json(Object tree) {
        write(JSON, tree);
    }

    /** Writes one line; {@code @|green ...|@} marks colour. */
    void line(String marked) {
        out().println(Ansi.AUTO.string(marked));
    }

    /** Writes a line that is no part of the result, to standard error. */
    void note(String line) {
        PrintWriter err = command.commandLine().getErr();
        err.println(line);
        err.flush();
    }

    /** Writes rows with aligned columns; the last column is not padded. */
    void table(List<List<String>> rows) {
        List<Integer> widths = new ArrayList<>();
        for (List<String> row : rows) {
            for (int c = 0; c < row.size(); c++) {
                if (c == widths.size()) {
                    widths.add(0);
                }
                widths.set(c, Math.max(widths.get(c), row.get(c).length()));
            }
        }
        for (List<String> row : rows) {
            StringBuilder line = new StringBuilder(" ");
            for (int c = 0; c < row.size(); c++) {
                String cell = row.get(c);
                line.append(' ')
                        .append(c == row.size() - 1 ? cell : cell + " ".repeat(widths.get(c) - cell.length() + 1));
            }
            out().println(line.toString().stripTrailing());
        }
    }

    private void write(ObjectMapper mapper, Object tree) {
        try {
            out().println(mapper.writeValueAsString(tree).stripTrailing());
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("maps and lists can always be written", e);
        }
    }

    private PrintWriter out() {
        return command.commandLine().getOut();
    }
}
