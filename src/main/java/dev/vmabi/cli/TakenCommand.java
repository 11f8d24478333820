package dev.vmabi.cli;

import dev.vmabi.abi.Catalogue;
import dev.vmabi.abi.Field;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.RegisterId;
import dev.vmabi.abi.Taken;
import dev.vmabi.abi.TakenRegister;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "taken",
        mixinStandardHelpOptions = true,
        description = "Show, register by register and field by field, which values the host's kernel takes.",
        footer = {
            "",
            "A trailing ~ marks a value that is taken but reads otherwise. What is not shown takes its default only."
        })
final class TakenCommand implements Runnable {

    @Mixin
    private Output output;

    @Option(names = "--computed", description = "By the catalogue alone, even where the kernel was measured.")
    private boolean computed;

    @Parameters(paramLabel = "FILE", description = "The host.")
    private Path file;

    @Override
    public void run() {
        Host host = HostReader.read(file);
        HostProfile profile = host.profile();
        boolean measured = profile.taken().measured() && !computed;
        Taken taken = measured
                ? profile.taken()
                : Taken.computed(
                        profile.defaultGuestAbi(), profile.writableMasks(), HostReader.kernel(host.kernelRelease()));
        List<Row> rows = rows(profile.defaultGuestAbi(), taken);
        if (output.text()) {
            output.line("@|bold " + host.name() + "|@: " + (measured ? "measured" : "computed from the catalogue"));
            List<List<String>> table = new ArrayList<>();
            table.add(List.of("FIELD", "DEFAULT", "TAKES"));
            rows.forEach(row -> table.add(List.of(row.field, row.value, String.join(" ", row.takes))));
            output.table(table);
        } else {
            Map<String, Object> tree = new LinkedHashMap<>();
            tree.put("host", host.name());
            tree.put("measured", measured);
            tree.put(
                    "fields",
                    rows.stream()
                            .map(row -> {
                                Map<String, Object> map = new LinkedHashMap<>();
                                map.put("register", row.register.hex());
                                map.put("field", row.field);
                                map.put("default", row.value);
                                map.put("takes", row.takes);
                                return map;
                            })
                            .toList());
            output.tree(tree);
        }
    }

    private record Row(RegisterId register, String field, String value, List<String> takes) {}

    private static List<Row> rows(GuestAbi abi, Taken taken) {
        List<Row> rows = new ArrayList<>();
        taken.registers().forEach((id, answers) -> {
            long value = abi.value(id);
            switch (answers) {
                case TakenRegister.Nibbles n ->
                    n.nibbles()
                            .forEach((shift, letters) -> rows.add(
                                    new Row(id, place(id, shift), hex((value >>> shift) & 15), takes(letters))));
                case TakenRegister.Bits b ->
                    b.bits().forEach((bit, answer) -> {
                        if (answer != TakenRegister.Answer.REFUSED) {
                            rows.add(new Row(id, bit(id, bit), Long.toString((value >>> bit) & 1), List.of("0", "1")));
                        }
                    });
                case TakenRegister.Values v ->
                    rows.add(new Row(
                            id,
                            id.name(),
                            hex(value),
                            v.values().entrySet().stream()
                                    .filter(e -> e.getValue() != TakenRegister.Answer.REFUSED)
                                    .map(e ->
                                            hex(e.getKey()) + (e.getValue() == TakenRegister.Answer.ALTERED ? "~" : ""))
                                    .toList()));
            }
        });
        return rows;
    }

    private static List<String> takes(String letters) {
        List<String> values = new ArrayList<>();
        for (int v = 0; v < 16; v++) {
            if (letters.charAt(v) != TakenRegister.Answer.REFUSED.letter()) {
                values.add(hex(v) + (letters.charAt(v) == TakenRegister.Answer.ALTERED.letter() ? "~" : ""));
            }
        }
        return values;
    }

    /** The fields in a nibble, or its bits where the catalogue knows none. */
    private static String place(RegisterId id, int shift) {
        String fields = Catalogue.get().fields(id).stream()
                .filter(f -> f.shift() < shift + 4 && f.shift() + f.width() > shift)
                .map(f -> f.shift() == shift && f.width() == 4 ? f.name() : f.name() + "[" + bits(f) + "]")
                .collect(Collectors.joining(","));
        return id.name() + (fields.isEmpty() ? "[" + (shift + 3) + ":" + shift + "]" : "." + fields);
    }

    private static String bits(Field field) {
        int top = field.shift() + field.width() - 1;
        return top == field.shift() ? Integer.toString(top) : top + ":" + field.shift();
    }

    private static String bit(RegisterId id, int bit) {
        return Catalogue.get().fields(id).stream()
                .filter(f -> f.shift() == bit)
                .map(Field::qualifiedName)
                .findFirst()
                .orElse(id.name() + "[" + bit + "]");
    }

    private static String hex(long value) {
        return "0x" + Long.toHexString(value);
    }
}
