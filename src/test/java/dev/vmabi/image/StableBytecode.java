package dev.vmabi.image;

import io.javaoperatorsdk.operator.processing.retry.GradualRetry;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeElement;
import java.lang.classfile.CodeModel;
import java.lang.classfile.MethodBuilder;
import java.lang.classfile.MethodElement;
import java.lang.classfile.constantpool.ClassEntry;
import java.lang.classfile.constantpool.PoolEntry;
import java.lang.classfile.instruction.ConstantInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.classfile.instruction.LoadInstruction;
import java.lang.classfile.instruction.StackInstruction;
import java.lang.constant.ClassDesc;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

/**
 * Has Quarkus generate the same from one build to the next. It counts the keys by which generated classes hand values to one
 * another over all of its build's threads: they are renumbered. And of two setters for the Operator SDK's first retry interval
 * it finds now one and now the other, of which it calls only the first, with the default: that call is taken out. The build
 * runs this on the packaged operator before anything else does, so what is tested is what is shipped.
 */
public final class StableBytecode {

    private static final Path JAR = Path.of("target/quarkus-app/quarkus/generated-bytecode.jar");
    private static final Pattern KEY = Pattern.compile("proxykey\\d+");
    private static final ClassDesc RETRY = ClassDesc.of("io.javaoperatorsdk.operator.processing.retry.GenericRetry");
    private static final int UTF8 = 1;
    private static final int LONG = 5;
    private static final int DOUBLE = 6;

    private StableBytecode() {}

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
                                withoutFirstInterval(each.getValue()),
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

    /** The class without its calls of the setter; one that makes no such retry is returned as it is. */
    static byte[] withoutFirstInterval(byte[] file) {
        ClassFile classes = ClassFile.of(ClassFile.ConstantPoolSharingOption.NEW_POOL);
        ClassModel model = classes.parse(file);
        for (PoolEntry constant : model.constantPool()) {
            if (constant instanceof ClassEntry named && named.asSymbol().equals(RETRY)) {
                return classes.transformClass(
                        model, ClassTransform.transformingMethods(StableBytecode::withoutFirstInterval));
            }
        }
        return file;
    }

    private static void withoutFirstInterval(MethodBuilder method, MethodElement element) {
        if (!(element instanceof CodeModel code)) {
            method.with(element);
            return;
        }
        List<CodeElement> steps = new ArrayList<>(code.elementList());
        for (int i = 0; i < steps.size(); i++) {
            if (steps.get(i) instanceof InvokeInstruction call
                    && call.owner().asSymbol().equals(RETRY)
                    && call.name().equalsString("setInitialInterval")) {
                List<CodeElement> whole = steps.subList(i - 2, i + 2);
                if (!(whole.get(0) instanceof LoadInstruction)
                        || !(whole.get(1) instanceof ConstantInstruction value)
                        || !value.constantValue().equals(GradualRetry.DEFAULT_INITIAL_INTERVAL)
                        || !(whole.get(3) instanceof StackInstruction)) {
                    throw new IllegalStateException("the first retry interval is not set to its default: " + whole);
                }
                whole.clear();
                i -= 3;
            }
        }
        method.withCode(stable -> steps.forEach(stable::with));
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
