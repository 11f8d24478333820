package dev.vmabi.cli;

import dev.vmabi.abi.Catalogue;
import dev.vmabi.abi.Field;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.RegisterId;
import dev.vmabi.fleet.Fleet;
import dev.vmabi.fleet.Standing;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

@Command(name = "diff", mixinStandardHelpOptions = true, description = "Show in what two hosts differ for a guest.")
final class DiffCommand implements Runnable {

    @Mixin
    private Output output;

    @Mixin
    private ClusterAccess cluster;

    @Parameters(index = "0", paramLabel = "A", description = "One host: a file, or a node of the cluster.")
    private String first;

    @Parameters(index = "1", paramLabel = "B", description = "The other host.")
    private String second;

    @Override
    public void run() {
        boolean files = Files.exists(Path.of(first)) || Files.exists(Path.of(second)) || looksLikeFile(first);
        Optional<Fleet> fleet =
                files ? Optional.empty() : Optional.of(cluster.view().fleet());
        Host a = host(fleet, first);
        Host b = host(fleet, second);
        GuestAbi one = a.profile().defaultGuestAbi();
        GuestAbi other = b.profile().defaultGuestAbi();
        List<List<String>> values = values(one, other);
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("a", a.name());
        tree.put("b", b.name());
        tree.put("sameGuestAbi", one.equals(other));
        tree.put("sameProfile", a.profile().equals(b.profile()));
        tree.put("featuresOnlyInA", without(one.features(), other.features()));
        tree.put("featuresOnlyInB", without(other.features(), one.features()));
        tree.put("registersOnlyInA", names(without(one.registerIds(), other.registerIds())));
        tree.put("registersOnlyInB", names(without(other.registerIds(), one.registerIds())));
        tree.put("vcpuFeaturesA", one.vcpuFeatures());
        tree.put("vcpuFeaturesB", other.vcpuFeatures());
        tree.put("values", values.stream().map(DiffCommand::tree).toList());
        if (!output.text()) {
            output.tree(tree);
            return;
        }
        output.line("a  " + a.name() + "  guest ABI " + one.digest().label());
        output.line("b  " + b.name() + "  guest ABI " + other.digest().label());
        if (one.equals(other)) {
            output.line("A guest sees the same on both.");
        }
        list("features only in a", tree.get("featuresOnlyInA"));
        list("features only in b", tree.get("featuresOnlyInB"));
        list("registers only in a", tree.get("registersOnlyInA"));
        list("registers only in b", tree.get("registersOnlyInB"));
        if (!values.isEmpty()) {
            output.line("@|bold values|@");
            List<List<String>> rows = new ArrayList<>();
            rows.add(List.of("FIELD", "A", "B"));
            rows.addAll(values);
            output.table(rows);
        }
    }

    private static boolean looksLikeFile(String name) {
        return name.contains("/") || name.endsWith(".json") || name.endsWith(".yaml");
    }

    private static Host host(Optional<Fleet> fleet, String name) {
        if (fleet.isEmpty()) {
            return HostReader.read(Path.of(name));
        }
        if (fleet.get().standing(name) instanceof Standing.Fresh fresh) {
            return new Host(name, fleet.get().node(name).orElseThrow().kernelVersion(), "profile", fresh.profile());
        }
        throw new InputException(
                "node " + Keys.shown(name) + ": " + fleet.get().standing(name).reason());
    }

    private void list(String title, Object items) {
        String joined = ((Collection<?>) items).stream().map(String::valueOf).collect(Collectors.joining(", "));
        if (!joined.isEmpty()) {
            output.line("@|bold " + title + "|@: " + joined);
        }
    }

    private static Map<String, Object> tree(List<String> row) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("field", row.get(0));
        map.put("a", row.get(1));
        map.put("b", row.get(2));
        return map;
    }

    private static List<List<String>> values(GuestAbi one, GuestAbi other) {
        List<List<String>> rows = new ArrayList<>();
        Map<RegisterId, Long> theirs = other.registers();
        one.registers().forEach((id, value) -> {
            Long otherValue = theirs.get(id);
            if (otherValue != null && otherValue.longValue() != value) {
                rows.addAll(fields(id, value, otherValue));
            }
        });
        if (!one.sveVectorLengths().equals(other.sveVectorLengths())) {
            rows.add(List.of(
                    "SVE vector lengths",
                    one.sveVectorLengths().toString(),
                    other.sveVectorLengths().toString()));
        }
        return rows;
    }

    private static List<List<String>> fields(RegisterId id, long a, long b) {
        List<List<String>> rows = new ArrayList<>();
        for (Field field : Catalogue.get().fields(id)) {
            if (field.raw(a) != field.raw(b)) {
                rows.add(List.of(field.qualifiedName(), hex(field.raw(a)), hex(field.raw(b))));
            }
        }
        return rows.isEmpty() ? List.of(List.of(id.name(), hex(a), hex(b))) : rows;
    }

    private static <T> SortedSet<T> without(SortedSet<T> all, SortedSet<T> others) {
        SortedSet<T> left = new TreeSet<>(all);
        left.removeAll(others);
        return left;
    }

    private static List<String> names(SortedSet<RegisterId> ids) {
        return ids.stream().map(RegisterId::name).toList();
    }

    private static String hex(long value) {
        return "0x" + Long.toHexString(value);
    }
}
