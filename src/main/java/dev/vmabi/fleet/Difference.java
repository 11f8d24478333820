package dev.vmabi.fleet;

import dev.vmabi.abi.Addition;
import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.RegisterId;
import dev.vmabi.abi.RegisterKind;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What guests gain from one guest ABI to another, in the words of a status. */
final class Difference {
    private Difference() {}

    /**
     * Features first; then registers that appear, and values that rise without being a feature. Cache geometry is left
     * out: it has no order, and a guest neither gains nor loses by it.
     */
    static List<String> gains(GuestAbi before, GuestAbi after) {
        Set<String> features = new TreeSet<>(after.features());
        features.removeAll(before.features());
        Set<String> caches = after.registerIds().stream()
                .filter(id -> id.kind() == RegisterKind.CACHE)
                .map(RegisterId::name)
                .collect(Collectors.toSet());
        return Stream.concat(
                        features.stream(),
                        Addition.between(before, after).stream()
                                .filter(a -> !caches.contains(a.register()))
                                .filter(a -> a.gainedFeatures().isEmpty())
                                .filter(a -> a.before().isEmpty() || rises(a))
                                .map(Difference::text))
                .toList();
    }

    private static boolean rises(Addition addition) {
        return Long.compareUnsigned(value(addition.after()), value(addition.before())) > 0;
    }

    private static long value(String hex) {
        return Long.parseUnsignedLong(hex.substring(2), 16);
    }

    private static String text(Addition addition) {
        String name = addition.field().isEmpty() ? addition.register() : addition.register() + "." + addition.field();
        return addition.before().isEmpty()
                ? name + ": present"
                : name + ": " + addition.before() + " -> " + addition.after();
    }
}
