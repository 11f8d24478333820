package dev.vmabi.cli;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.zip.GZIPOutputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
        name = "support-bundle",
        mixinStandardHelpOptions = true,
        description =
                "Write what a maintainer needs to see of the cluster into a file (tar.gz): no Secrets, nothing of what"
                        + " runs in VMs. Names of nodes, namespaces and VMs are in it.")
final class SupportBundleCommand implements Callable<Integer> {
    private static final DateTimeFormatter STAMP =
            DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss").withZone(ZoneOffset.UTC);

    @Mixin
    private ClusterAccess cluster;

    @Mixin
    private Output output;

    @Option(
            names = {"-f", "--file"},
            paramLabel = "FILE",
            description = "Where to (default: vmabi-support-TIME.tar.gz here); it may not be there yet.")
    private Path file;

    @Override
    public Integer call() {
        Instant now = Instant.now();
        SupportBundle.Collected bundle = cluster.supportBundle(now);
        String name = "vmabi-support-" + STAMP.format(now);
        Path to = file == null ? Path.of(name + ".tar.gz") : file;
        write(to, name, now, bundle.files());
        bundle.missing().forEach(m -> output.note("vmabi: left out: " + m));
        output.line("wrote " + to + ": " + bundle.files().size() + " files");
        return bundle.missing().isEmpty() ? 0 : VmAbi.REFUSED;
    }

    private static void write(Path to, String directory, Instant now, Map<String, byte[]> files) {
        try (OutputStream out = Files.newOutputStream(to, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
                TarArchiveOutputStream tar = new TarArchiveOutputStream(new GZIPOutputStream(out))) {
            for (Map.Entry<String, byte[]> file : files.entrySet()) {
                TarArchiveEntry entry = new TarArchiveEntry(directory + "/" + file.getKey());
                entry.setSize(file.getValue().length);
                entry.setModTime(now.toEpochMilli());
                tar.putArchiveEntry(entry);
                tar.write(file.getValue());
                tar.closeArchiveEntry();
            }
        } catch (FileAlreadyExistsException e) {
            throw new InputException("--file " + to + " is there already; name another", e);
        } catch (IOException e) {
            throw new InputException(to + " cannot be written: " + e.getMessage(), e);
        }
    }
}
