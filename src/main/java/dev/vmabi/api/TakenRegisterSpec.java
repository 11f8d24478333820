package dev.vmabi.api;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonPropertyDescription;
import dev.vmabi.abi.TakenRegister;
import dev.vmabi.abi.TakenRegister.Answer;
import io.fabric8.generator.annotation.Pattern;
import io.fabric8.generator.annotation.Size;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Stream;

/** How a kernel answered the writes tried on one register: exactly one of nibbles, bits and values is there. */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record TakenRegisterSpec(
        @JsonPropertyDescription("Whether writing back what was read was taken; only with nibbles.")
        Boolean defaultTaken,

        @Size(max = 16)
        @JsonPropertyDescription("By shift (0, 4 ... 60) of the nibble changed, 16 letters for the values 0 to 15: A"
                + " taken and read back, S taken but reads otherwise, E refused. A nibble that takes only its default"
                + " is left out.")
        Map<String, @Pattern("^[ASE]{16}$") String> nibbles,

        @Size(max = 64)
        @JsonPropertyDescription("By number of the bit flipped: A, S or E. A bit left out could not be flipped.")
        Map<String, @Pattern("^[ASE]$") String> bits,

        @Size(max = 64)
        @JsonPropertyDescription("By value written, hexadecimal: A, S or E. A value left out was refused.")
        Map<String, @Pattern("^[ASE]$") String> values) {

    static TakenRegisterSpec of(TakenRegister register) {
        return switch (register) {
            case TakenRegister.Nibbles n -> {
                Map<String, String> nibbles = new TreeMap<>();
                n.nibbles().forEach((shift, letters) -> nibbles.put(Integer.toString(shift), letters));
                yield new TakenRegisterSpec(n.defaultTaken(), nibbles, null, null);
            }
            case TakenRegister.Bits b -> new TakenRegisterSpec(null, null, letters(b.bits(), String::valueOf), null);
            case TakenRegister.Values v ->
                new TakenRegisterSpec(null, null, null, letters(v.values(), value -> "0x" + Long.toHexString(value)));
        };
    }

    TakenRegister toTakenRegister(String where) {
        if (Stream.of(nibbles, bits, values).filter(form -> form != null).count() != 1) {
            throw new IllegalArgumentException(where + ": must have exactly one of nibbles, bits, values");
        }
        try {
            if (nibbles != null) {
                SortedMap<Integer, String> byShift = new TreeMap<>();
                nibbles.forEach((shift, letters) -> byShift.put(Integer.parseInt(shift), letters));
                return new TakenRegister.Nibbles(defaultTaken == null || defaultTaken, byShift);
            }
            return bits != null
                    ? new TakenRegister.Bits(answers(bits, Integer::parseInt))
                    : new TakenRegister.Values(answers(values, value -> Hex.value(where + ".values", value)));
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(where + ": shifts and bits are decimal numbers", e);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(where + ": " + e.getMessage(), e);
        }
    }

    private static <K> Map<String, String> letters(SortedMap<K, Answer> answers, Function<K, String> key) {
        Map<String, String> letters = new TreeMap<>();
        answers.forEach((k, answer) -> letters.put(key.apply(k), String.valueOf(answer.letter())));
        return letters;
    }

    private static <K> SortedMap<K, Answer> answers(Map<String, String> letters, Function<String, K> key) {
        SortedMap<K, Answer> answers = new TreeMap<>();
        letters.forEach((k, letter) -> {
            if (letter == null || letter.length() != 1) {
                throw new IllegalArgumentException("answer \"" + letter + "\" is not one of A, S, E");
            }
            answers.put(key.apply(k), Answer.of(letter.charAt(0)));
        });
        return answers;
    }
}
