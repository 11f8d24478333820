package dev.vmabi.kvm;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.vmabi.abi.GuestAbi;
import dev.vmabi.abi.HostProfile;
import dev.vmabi.abi.RegisterId;
import dev.vmabi.abi.SveVectorLengths;
import dev.vmabi.abi.TakenRegister;
import dev.vmabi.abi.TakenRegister.Answer;
import dev.vmabi.abi.VcpuFeature;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * KVM as a recorded host showed it: lists and reads its registers and takes what it took, nibble by nibble. Keeps
 * count of open descriptors and fails any one call on demand. For one thread.
 */
public final class ReplayedKernel implements Kernel {

    private static final int DEVICE_FD = 3;

    private final HostProfile host;
    private final GuestAbi shown;

    private final Map<Integer, Vm> vms = new TreeMap<>();
    private final Map<Integer, Vm> vcpus = new TreeMap<>();
    private final Map<Integer, Vm> vgics = new TreeMap<>();
    private boolean deviceOpen;
    private int nextFd = DEVICE_FD + 1;

    private int calls;
    private int failingCall = -1;
    private Errno failure = Errno.UNKNOWN;

    /** A VM's state. */
    private static final class Vm {
        private final Map<RegisterId, Long> registers = new HashMap<>();
        private Set<VcpuFeature> features = Set.of();
        private SveVectorLengths lengths = SveVectorLengths.NONE;
        private boolean finalized;
        private boolean writableImplementationId;
        private int revision;
    }

    public ReplayedKernel(HostProfile host) {
        this.host = host;
        this.shown = host.defaultGuestAbi();
    }

    /** Makes one call fail, counted from 0 over opens and ioctls. */
    public void failCall(int number, Errno errno) {
        failingCall = number;
        failure = errno;
        calls = 0;
    }

    /** Opens and ioctls so far. */
    int calls() {
        return calls;
    }

    int openDescriptors() {
        return vms.size() + vcpus.size() + vgics.size() + (deviceOpen ? 1 : 0);
    }

    @Override
    public int open(String path) {
        if (calls++ == failingCall) {
            return -failure.number();
        }
        deviceOpen = true;
        return DEVICE_FD;
    }

    @Override
    public void close(int fd) {
        if (fd == DEVICE_FD) {
            if (!deviceOpen) {
                throw new AssertionError("device closed twice");
            }
            deviceOpen = false;
        } else if (vms.remove(fd) == null && vcpus.remove(fd) == null && vgics.remove(fd) == null) {
            throw new AssertionError("close of " + fd + ", which is not open");
        }
    }

    @Override
    public int pinToCpu(int cpu) {
        return 0;
    }

    @Override
    public int ioctl(int fd, long request, long argument) {
        if (calls++ == failingCall) {
            return -failure.number();
        }
        if (fd == DEVICE_FD) {
            return device(request, argument);
        }
        if (vms.containsKey(fd)) {
            return vm(vms.get(fd), request, argument);
        }
        if (vcpus.containsKey(fd)) {
            return vcpu(vcpus.get(fd), request, argument);
        }
        return vgic(vgics.get(fd), request, argument);
    }

    private int device(long request, long argument) {
        if (request == Uapi.GET_API_VERSION) {
            return Uapi.API_VERSION;
        }
        if (request == Uapi.CHECK_EXTENSION) {
            return capability(argument);
        }
        if (request == Uapi.CREATE_VM) {
            vms.put(nextFd, new Vm());
            return nextFd++;
        }
        throw new AssertionError("unexpected request on the device: " + Long.toHexString(request));
    }

    private int capability(long number) {
        if (number == Uapi.CAP_ARM_VM_IPA_SIZE) {
            return host.ipaLimitBits();
        }
        return host.capabilities().getOrDefault((int) number, 0L).intValue();
    }

    private int vm(Vm vm, long request, long argument) {
        if (request == Uapi.CHECK_EXTENSION) {
            return capability(argument);
        }
        if (request == Uapi.CREATE_VCPU) {
            vcpus.put(nextFd, vm);
            return nextFd++;
        }
        if (request == Uapi.ENABLE_CAPABILITY) {
            int capability = memory(argument, Uapi.ENABLE_CAP.byteSize()).get(JAVA_INT, 0);
            vm.writableImplementationId |= capability == Uapi.CAP_ARM_WRITABLE_IMP_ID_REGS;
            return vcpus.containsValue(vm) ? -Errno.EINVAL.number() : 0;
        }
        if (request == Uapi.ARM_PREFERRED_TARGET) {
            memory(argument, Uapi.VCPU_INIT.byteSize()).fill((byte) 0).set(JAVA_INT, 0, 5);
            return 0;
        }
        if (request == Uapi.ARM_GET_REG_WRITABLE_MASKS) {
            return masks(memory(argument, Uapi.REG_MASK_RANGE.byteSize()));
        }
        if (request == Uapi.CREATE_DEVICE_REQUEST) {
            MemorySegment create = memory(argument, Uapi.CREATE_DEVICE.byteSize());
            if (create.get(JAVA_INT, 0) != VgicKind.V3.deviceType()
                    || shown.vgicRevision().isEmpty()) {
                return -Errno.ENODEV.number();
            }
            if (create.get(JAVA_INT, 8) != Uapi.CREATE_DEVICE_TEST) {
                vm.revision = shown.vgicRevision().getAsInt();
                vgics.put(nextFd, vm);
                create.set(JAVA_INT, 4, nextFd++);
            }
            return 0;
        }
        throw new AssertionError("unexpected request on a VM: " + Long.toHexString(request));
    }

    private int masks(MemorySegment range) {
        if (range.get(JAVA_INT, 8) != 0) {
            return -Errno.EINVAL.number();
        }
        MemorySegment array = memory(range.get(JAVA_LONG, 0), Uapi.REG_MASKS * 8L);
        array.fill((byte) 0);
        host.writableMasks().forEach((id, mask) -> {
            int op1 = (int) (id.encoding() >> 11) & 7;
            long index = (op1 == 3 ? 2 : op1) * 64L + (id.encoding() & 0x7F);
            array.setAtIndex(JAVA_LONG, index, mask);
        });
        return 0;
    }

    private int vgic(Vm vm, long request, long argument) {
        MemorySegment attribute = memory(argument, Uapi.DEVICE_ATTR.byteSize());
        if (attribute.get(JAVA_INT, 4) != Uapi.VGIC_V3_GROUP_DISTRIBUTOR) {
            return 0;
        }
        MemorySegment value = memory(attribute.get(JAVA_LONG, 16), 4);
        if (request == Uapi.GET_DEVICE_ATTR) {
            value.set(JAVA_INT, 0, (0x4B00_043B & ~0xF000) | (vm.revision << 12));
        } else {
            int wanted = (value.get(JAVA_INT, 0) >>> 12) & 0xF;
            if (wanted < 2 || wanted > shown.vgicRevision().getAsInt()) {
                return -Errno.EINVAL.number();
            }
            // One that does not take it all the same says that it did.
            vm.revision = Math.max(wanted, host.taken().leastVgicRevision().orElse(0));
        }
        return 0;
    }

    private int vcpu(Vm vm, long request, long argument) {
        if (request == Uapi.ARM_VCPU_INIT) {
            int bits = memory(argument, Uapi.VCPU_INIT.byteSize()).get(JAVA_INT, 4);
            Set<VcpuFeature> features = VcpuFeature.fromBits(bits);
            if (!shown.vcpuFeatures().containsAll(features)) {
                return -Errno.EINVAL.number();
            }
            vm.features = features;
            vm.lengths = features.contains(VcpuFeature.SVE) ? shown.sveVectorLengths() : SveVectorLengths.NONE;
            vm.registers.putAll(shown.registers());
            return 0;
        }
        if (vm.registers.isEmpty()) {
            return -Errno.ENOEXEC.number();
        }
        if (request == Uapi.ARM_VCPU_FINALIZE) {
            vm.finalized = true;
            return 0;
        }
        if (request == Uapi.GET_REG_LIST) {
            return list(vm, argument);
        }
        MemorySegment register = memory(argument, Uapi.ONE_REG.byteSize());
        RegisterId id = new RegisterId(register.get(JAVA_LONG, 0));
        MemorySegment value = memory(register.get(JAVA_LONG, 8), Math.max(id.size(), 8));
        if (id.equals(RegisterId.SVE_VLS)) {
            return lengths(vm, request, value);
        }
        if (!vm.registers.containsKey(id)) {
            return -Errno.ENOENT.number();
        }
        if (request == Uapi.GET_ONE_REG) {
            value.set(JAVA_LONG, 0, vm.registers.get(id));
            return 0;
        }
        return set(vm, id, value.get(JAVA_LONG, 0));
    }

    private int list(Vm vm, long argument) {
        if (vm.features.contains(VcpuFeature.SVE) && !vm.finalized) {
            return -Errno.EPERM.number();
        }
        List<RegisterId> ids = shown.registerIds().stream().toList();
        MemorySegment count = memory(argument, 8);
        long room = count.get(JAVA_LONG, 0);
        count.set(JAVA_LONG, 0, ids.size());
        if (room < ids.size()) {
            return -Errno.E2BIG.number();
        }
        MemorySegment list = memory(argument, 8L * (1 + ids.size()));
        for (int i = 0; i < ids.size(); i++) {
            list.setAtIndex(JAVA_LONG, 1L + i, ids.get(i).encoding());
        }
        return 0;
    }

    private int lengths(Vm vm, long request, MemorySegment value) {
        if (!vm.features.contains(VcpuFeature.SVE)) {
            return -Errno.ENOENT.number();
        }
        if (request == Uapi.GET_ONE_REG) {
            MemorySegment.copy(MemorySegment.ofArray(vm.lengths.words()), 0, value, 0, 64);
            return 0;
        }
        if (vm.finalized) {
            return -Errno.EPERM.number();
        }
        SveVectorLengths wanted = SveVectorLengths.ofWords(value.asSlice(0, 64).toArray(JAVA_LONG));
        if (wanted.isEmpty() || !shown.sveVectorLengths().takes(wanted)) {
            return -Errno.EINVAL.number();
        }
        vm.lengths = wanted;
        return 0;
    }

    private int set(Vm vm, RegisterId id, long value) {
        TakenRegister taken = host.taken().registers().get(id);
        boolean implementationId = id.kind() == dev.vmabi.abi.RegisterKind.IMPLEMENTATION_ID;
        Answer answer = implementationId && vm.writableImplementationId
                ? Answer.TAKEN
                : answer(taken, shown.value(id), value & id.abiMask());
        return switch (answer) {
            case TAKEN -> {
                vm.registers.put(id, value);
                yield 0;
            }
            case ALTERED -> 0;
            case REFUSED -> -Errno.EINVAL.number();
        };
    }

    private static Answer answer(TakenRegister taken, long before, long value) {
        return switch (taken) {
            case TakenRegister.Nibbles nibbles -> {
                Answer worst = nibbles.defaultTaken() ? Answer.TAKEN : Answer.REFUSED;
                for (int shift = 0; shift < 64; shift += 4) {
                    int nibble = (int) (value >>> shift) & 0xF;
                    if (nibble != (int) ((before >>> shift) & 0xF)) {
                        String letters = nibbles.nibbles().get(shift);
                        Answer answer = letters == null ? Answer.REFUSED : Answer.of(letters.charAt(nibble));
                        worst = answer.compareTo(worst) > 0 ? answer : worst;
                    }
                }
                yield worst;
            }
            case TakenRegister.Bits bits -> {
                Answer worst = Answer.TAKEN;
                for (int bit = 0; bit < 64; bit++) {
                    if ((((value ^ before) >>> bit) & 1) != 0) {
                        Answer answer = bits.bits().getOrDefault(bit, Answer.REFUSED);
                        worst = answer.compareTo(worst) > 0 ? answer : worst;
                    }
                }
                yield worst;
            }
            case TakenRegister.Values values ->
                value == before ? Answer.TAKEN : values.values().getOrDefault(value, Answer.REFUSED);
        };
    }

    @SuppressWarnings("restricted") // reads what the caller allocated, as the kernel would
    private static MemorySegment memory(long address, long bytes) {
        return MemorySegment.ofAddress(address).reinterpret(bytes);
    }
}
