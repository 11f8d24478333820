package dev.vmabi.fleet;

import java.util.AbstractMap;
import java.util.AbstractSet;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;

/**
 * An immutable map sorted by key. A changed copy shares all but O(log n) with what it was made from, and what differs
 * between the two is found without looking at what they share.
 *
 * <p>A treap whose priorities are hashes of the keys, so that its shape depends on its keys alone, not on how it came to
 * have them.
 */
public final class PersistentMap<K extends Comparable<? super K>, V> extends AbstractMap<K, V> {
    private static final PersistentMap<?, ?> EMPTY = new PersistentMap<String, Object>(null);

    private record Tree<K, V>(K key, V value, Tree<K, V> left, Tree<K, V> right, int size) {
        Tree(K key, V value, Tree<K, V> left, Tree<K, V> right) {
            this(key, value, left, right, 1 + size(left) + size(right));
        }

        private static int size(Tree<?, ?> tree) {
            return tree == null ? 0 : tree.size;
        }
    }

    private final Tree<K, V> root;

    private PersistentMap(Tree<K, V> root) {
        this.root = root;
    }

    @SuppressWarnings("unchecked") // nothing is ever in it
    public static <K extends Comparable<? super K>, V> PersistentMap<K, V> empty() {
        return (PersistentMap<K, V>) EMPTY;
    }

    /** This map with the value at the key. */
    public PersistentMap<K, V> with(K key, V value) {
        return of(put(root, key, Objects.requireNonNull(value)));
    }

    /** This map without the key. */
    public PersistentMap<K, V> without(K key) {
        return of(remove(root, key));
    }

    @SuppressWarnings("ReferenceEquality") // what did not change is the same tree
    private PersistentMap<K, V> of(Tree<K, V> tree) {
        return tree == root ? this : tree == null ? empty() : new PersistentMap<>(tree);
    }

    /** The keys that only one of the two maps has, or whose values are not equal. */
    public Set<K> differences(PersistentMap<K, V> other) {
        Set<K> keys = new TreeSet<>();
        differences(root, other.root, keys);
        return keys;
    }

    @Override
    public V get(Object key) {
        Tree<K, V> tree = find(key);
        return tree == null ? null : tree.value;
    }

    @Override
    public boolean containsKey(Object key) {
        return find(key) != null;
    }

    @Override
    public int size() {
        return Tree.size(root);
    }

    @Override
    public Set<Entry<K, V>> entrySet() {
        return new AbstractSet<>() {
            @Override
            public Iterator<Entry<K, V>> iterator() {
                return new InOrder<>(root);
            }

            @Override
            public int size() {
                return PersistentMap.this.size();
            }
        };
    }

    @SuppressWarnings("unchecked") // as with every sorted map, a key of another type is an error
    private Tree<K, V> find(Object key) {
        K wanted = (K) key;
        Tree<K, V> tree = root;
        while (tree != null) {
            int order = wanted.compareTo(tree.key);
            if (order == 0) {
                return tree;
            }
            tree = order < 0 ? tree.left : tree.right;
        }
        return null;
    }

    private static <K extends Comparable<? super K>, V> Tree<K, V> put(Tree<K, V> tree, K key, V value) {
        if (tree == null) {
            return new Tree<>(key, value, null, null);
        }
        int order = key.compareTo(tree.key);
        if (order == 0) {
            return Objects.equals(tree.value, value) ? tree : new Tree<>(tree.key, value, tree.left, tree.right);
        }
        if (above(key, tree.key)) {
            return new Tree<>(key, value, less(tree, key), greater(tree, key));
        }
        return order < 0
                ? with(tree, put(tree.left, key, value), tree.right)
                : with(tree, tree.left, put(tree.right, key, value));
    }

    private static <K extends Comparable<? super K>, V> Tree<K, V> remove(Tree<K, V> tree, K key) {
        if (tree == null) {
            return null;
        }
        int order = key.compareTo(tree.key);
        if (order == 0) {
            return joined(tree.left, tree.right);
        }
        return order < 0
                ? with(tree, remove(tree.left, key), tree.right)
                : with(tree, tree.left, remove(tree.right, key));
    }

    @SuppressWarnings("ReferenceEquality") // what did not change is the same tree
    private static <K, V> Tree<K, V> with(Tree<K, V> tree, Tree<K, V> left, Tree<K, V> right) {
        return left == tree.left && right == tree.right ? tree : new Tree<>(tree.key, tree.value, left, right);
    }

    /** What is in the tree at keys less than this one. */
    private static <K extends Comparable<? super K>, V> Tree<K, V> less(Tree<K, V> tree, K key) {
        if (tree == null) {
            return null;
        }
        return tree.key.compareTo(key) < 0 ? with(tree, tree.left, less(tree.right, key)) : less(tree.left, key);
    }

    /** What is in the tree at keys greater than this one. */
    private static <K extends Comparable<? super K>, V> Tree<K, V> greater(Tree<K, V> tree, K key) {
        if (tree == null) {
            return null;
        }
        return tree.key.compareTo(key) > 0 ? with(tree, greater(tree.left, key), tree.right) : greater(tree.right, key);
    }

    /** Both, where every key of the first is less than any of the second. */
    private static <K extends Comparable<? super K>, V> Tree<K, V> joined(Tree<K, V> one, Tree<K, V> other) {
        if (one == null || other == null) {
            return one == null ? other : one;
        }
        return above(one.key, other.key)
                ? with(one, one.left, joined(one.right, other))
                : with(other, joined(one, other.left), other.right);
    }

    @SuppressWarnings("ReferenceEquality") // trees that are shared have no differences
    private static <K extends Comparable<? super K>, V> void differences(
            Tree<K, V> one, Tree<K, V> other, Set<K> keys) {
        if (one == other) {
            return;
        }
        if (one == null || other == null) {
            new InOrder<>(one == null ? other : one).forEachRemaining(e -> keys.add(e.getKey()));
        } else if (one.key.equals(other.key)) {
            if (!Objects.equals(one.value, other.value)) {
                keys.add(one.key);
            }
            differences(one.left, other.left, keys);
            differences(one.right, other.right, keys);
        } else if (above(one.key, other.key)) {
            keys.add(one.key);
            differences(one.left, less(other, one.key), keys);
            differences(one.right, greater(other, one.key), keys);
        } else {
            differences(other, one, keys);
        }
    }

    /** Whether the first of two keys is the nearer to the root. */
    private static <K extends Comparable<? super K>> boolean above(K one, K other) {
        int order = Integer.compare(spread(one.hashCode()), spread(other.hashCode()));
        return order == 0 ? one.compareTo(other) < 0 : order < 0;
    }

    /** The finaliser of MurmurHash3: hashes of names that differ in their last digit are far apart. */
    private static int spread(int hash) {
        int h = hash;
        h = (h ^ (h >>> 16)) * 0x85ebca6b;
        h = (h ^ (h >>> 13)) * 0xc2b2ae35;
        return h ^ (h >>> 16);
    }

    private static final class InOrder<K, V> implements Iterator<Entry<K, V>> {
        private final Deque<Tree<K, V>> path = new ArrayDeque<>();

        InOrder(Tree<K, V> root) {
            descend(root);
        }

        private void descend(Tree<K, V> from) {
            for (Tree<K, V> tree = from; tree != null; tree = tree.left) {
                path.push(tree);
            }
        }

        @Override
        public boolean hasNext() {
            return !path.isEmpty();
        }

        @Override
        public Entry<K, V> next() {
            if (path.isEmpty()) {
                throw new NoSuchElementException();
            }
            Tree<K, V> tree = path.pop();
            descend(tree.right);
            return Map.entry(tree.key, tree.value);
        }
    }
}
