package dev.vmabi.fleet;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class PersistentMapTest {

    @Test
    void isWhatATreeMapIsWhateverIsPutAndTaken() {
        Random random = new Random(1);
        PersistentMap<String, Integer> map = PersistentMap.empty();
        TreeMap<String, Integer> tree = new TreeMap<>();
        for (int i = 0; i < 20_000; i++) {
            PersistentMap<String, Integer> before = map;
            TreeMap<String, Integer> treeBefore = new TreeMap<>(i % 100 == 0 ? tree : Map.of());
            String key = "node-" + random.nextInt(300);
            if (random.nextInt(3) == 0) {
                map = map.without(key);
                tree.remove(key);
            } else {
                map = map.with(key, i % 7);
                tree.put(key, i % 7);
            }
            assertThat(map.get(key)).isEqualTo(tree.get(key));
            assertThat(map).hasSize(tree.size());
            if (i % 100 == 0) {
                assertThat(map.entrySet()).containsExactlyElementsOf(tree.entrySet());
                assertThat(before).as("a map never changes").isEqualTo(treeBefore);
            }
        }
    }

    @Test
    void tellsWhatDiffersBetweenAnyTwo() {
        Random random = new Random(2);
        for (int i = 0; i < 300; i++) {
            PersistentMap<String, Integer> one = random(random, PersistentMap.empty(), 100);
            PersistentMap<String, Integer> other = random(random, i % 2 == 0 ? one : PersistentMap.empty(), 1 + i % 20);
            TreeSet<String> differences = new TreeSet<>(one.keySet());
            differences.addAll(other.keySet());
            differences.removeIf(k -> one.containsKey(k) && one.get(k).equals(other.get(k)));
            assertThat(one.differences(other)).isEqualTo(differences);
            assertThat(other.differences(one)).isEqualTo(differences);
        }
    }

    @Test
    void isTheSameObjectWhereNothingChanges() {
        PersistentMap<String, String> map =
                PersistentMap.<String, String>empty().with("a", "1").with("b", "2");

        assertThat(map.with("a", "1")).isSameAs(map);
        assertThat(map.without("c")).isSameAs(map);
        assertThat(map.without("a").without("b")).isSameAs(PersistentMap.empty());
    }

    /** One that is as deep as it is large would end in a stack overflow. */
    @Test
    void staysShallowThoughKeysComeInOrder() {
        PersistentMap<String, Integer> map = PersistentMap.empty();
        for (int i = 0; i < 100_000; i++) {
            map = map.with("node-%06d".formatted(i), i);
        }
        assertThat(map.get("node-099999")).isEqualTo(99_999);
        assertThat(map.without("node-000000")).hasSize(99_999);
    }

    private static PersistentMap<String, Integer> random(
            Random random, PersistentMap<String, Integer> from, int changes) {
        PersistentMap<String, Integer> map = from;
        for (int i = 0; i < changes; i++) {
            String key = "k" + random.nextInt(80);
            map = random.nextInt(3) == 0 ? map.without(key) : map.with(key, random.nextInt(3));
        }
        return map;
    }
}
