package dev.vmabi.image;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

/**
 * Renumbers the keys by which classes that Quarkus generates hand values to one another: it counts them over all of its
 * build's threads, so that each build has others. The build runs this on the packaged operator before anything else does,
 * so what is tested is what is shipped.
 */
public final class ProxyKeys {

    private static final Path JAR = Path.of("target/quarkus-app/quarkus/generated-bytecode.jar");
    private static final Pattern KEY = Pattern.compile("proxykey\\d+");
    private static final int UTF8 = 1;
    private static final int LONG = 5;
    private static final int DOUBLE = 6;

    private ProxyKeys() {}

    public static void main(String[] arguments) throws IOException {
        Map<String, byte[]> contents = new LinkedHashMap<>();
        Map<String, ZipEntry> entries = new HashMap<>();
        try (ZipFile jar = new ZipFile(JAR.toFile())) {
            for (ZipEntry entry : jar.stream().toList()) {
                contents.put(entry.getName(), jar.getInputStream(entry).readAllBytes());
                entries.put(entry.getName(), entry);
            }
        }
        Map<String, String> numbered = new HashMap<>();
        for (Map.Entry<String, byte[]> each : new TreeMap<>(contents).entrySet()) {
            if (each.getKey().endsWith(".class")) {
                contents.put(
                        each.getKey(),
                        renamed(
                                each.getValue(),
                                key -> numbered.computeIfAbsent(key, k -> "proxykey" + (numbered.size() + 1))));
            }
        }
        Path part = JAR.resolveSibling("generated-bytecode.part");
        try (ZipOutputStream jar = new ZipOutputStream(Files.newOutputStream(part))) {
            for (Map.Entry<String, byte[]> each : contents.entrySet()) {
                ZipEntry entry = new ZipEntry(each.getKey());
                entry.setTimeLocal(entries.get(each.getKey()).getTimeLocal());
                jar.putNextEntry(entry);
                jar.write(each.getValue());
            }
        }
        Files.move(part, JAR, StandardCopyOption.REPLACE_EXISTING);
    }

    /** A class with other keys among its constants, to which all else in it refers by their place. */
    private static byte[] renamed(byte[] file, UnaryOperator<String> names) throws IOException {
        DataInputStream in = new DataInputStream(new ByteArrayInputStream(file));
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(file.length);
        DataOutputStream out = new DataOutputStream(bytes);
        copy(in, out, 8); // magic, versions
        int constants = in.readUnsignedShort();
        out.writeShort(constants);
        for (int place = 1; place < constants; place++) {
            int tag = in.readUnsignedByte();
            out.writeByte(tag);
            switch (tag) {
                case UTF8 -> {
                    String text = in.readUTF();
                    out.writeUTF(KEY.matcher(text).matches() ? names.apply(text) : text);
                }
                case LONG, DOUBLE -> {
                    copy(in, out, 8);
                    place++; // they take two
                }
                case 3, 4, 9, 10, 11, 12, 17, 18 -> copy(in, out, 4);
                case 7, 8, 16, 19, 20 -> copy(in, out, 2);
                case 15 -> copy(in, out, 3);
                default -> throw new IOException("a constant of kind " + tag + " in a class of " + JAR);
            }
        }
        in.transferTo(out);
        return bytes.toByteArray();
    }

    private static void copy(DataInputStream in, OutputStream out, int length) throws IOException {
        out.write(in.readNBytes(length));
    }
}
