package dev.vmabi.abi;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A VMM version; further parts, as the 13 of 10.0.13, are ignored. */
public record Version(int major, int minor) implements Comparable<Version> {

    /** Older than every release: stands for "not stated", so that the strictest rules apply. */
    public static final Version UNSTATED = new Version(0, 0);

    private static final Pattern FORM = Pattern.compile("(\\d{1,4})(?:\\.(\\d{1,4})(?:\\.[0-9A-Za-z.+~-]{1,40})?)?");

    /**
     * Reads {@code 10}, {@code 10.0} or {@code 10.0.13}.
     *
     * @throws IllegalArgumentException if the text is anything else
     */
    public static Version parse(String text) {
        Matcher m = FORM.matcher(text);
        if (!m.matches()) {
            throw new IllegalArgumentException("version \"" + Hex.abbreviate(text) + "\" must be like 10.0");
        }
        return new Version(Integer.parseInt(m.group(1)), m.group(2) == null ? 0 : Integer.parseInt(m.group(2)));
    }

    @Override
    public int compareTo(Version other) {
        return major != other.major ? Integer.compare(major, other.major) : Integer.compare(minor, other.minor);
    }

    @Override
    public String toString() {
        return major + "." + minor;
    }
}
