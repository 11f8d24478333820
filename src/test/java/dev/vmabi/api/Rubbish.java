package dev.vmabi.api;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ContainerNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** What nobody ought to write into an object, and somebody does. */
public final class Rubbish {
    private static final List<String> TEXTS = List.of(
            "", "vm-new", "0x", "0xzz", "f".repeat(64), "f".repeat(63), "true", "2026-13-41T00:00:00Z", "psci=9", "11");

    private Rubbish() {}

    /** Takes away or replaces some part of the tree. */
    public static void into(JsonNode tree, Random random) {
        List<ContainerNode<?>> containers = new ArrayList<>();
        collect(tree, containers);
        ContainerNode<?> container = containers.get(random.nextInt(containers.size()));
        if (container.isEmpty()) {
            return;
        }
        int which = random.nextInt(container.size());
        if (container instanceof ArrayNode array) {
            array.set(which, likeOrNot(array.get(which), random));
        } else if (container instanceof ObjectNode object) {
            String name = object.propertyStream().toList().get(which).getKey();
            if (random.nextInt(3) == 0) {
                object.remove(name);
            } else {
                object.set(name, likeOrNot(object.get(name), random));
            }
        }
    }

    private static void collect(JsonNode node, List<ContainerNode<?>> containers) {
        if (node instanceof ContainerNode<?> container) {
            containers.add(container);
            node.forEach(child -> collect(child, containers));
        }
    }

    /** Another text for a text and another number for a number more often than not: a schema looks at types alone. */
    private static JsonNode likeOrNot(JsonNode was, Random random) {
        JsonNodeFactory make = JsonNodeFactory.instance;
        if (was.isTextual() && random.nextInt(3) > 0) {
            return make.textNode(TEXTS.get(random.nextInt(TEXTS.size())));
        }
        if (was.isNumber() && random.nextInt(3) > 0) {
            return make.numberNode(random.nextInt());
        }
        return something(random);
    }

    private static JsonNode something(Random random) {
        JsonNodeFactory make = JsonNodeFactory.instance;
        return switch (random.nextInt(9)) {
            case 0 -> make.nullNode();
            case 1 -> make.numberNode(random.nextLong());
            case 2 -> make.booleanNode(random.nextBoolean());
            case 3 -> make.textNode("");
            case 4 -> make.textNode("vm-new");
            case 5 -> make.arrayNode().add(make.objectNode()).add(1).add("x");
            case 6 -> make.objectNode();
            case 7 -> make.objectNode().set("nodeSelector", make.arrayNode());
            default -> make.textNode("\u0000~/\\\"" + (char) random.nextInt(0xD800));
        };
    }
}
