package dev.vmabi.kvm;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** The numbers a program compiled against Linux 7.3's headers prints, for arm64 and x86-64 alike. */
class UapiTest {

    @Test
    void requestNumbers() {
        assertThat(Uapi.GET_API_VERSION).isEqualTo(0x0000AE00L);
        assertThat(Uapi.CREATE_VM).isEqualTo(0x0000AE01L);
        assertThat(Uapi.CHECK_EXTENSION).isEqualTo(0x0000AE03L);
        assertThat(Uapi.CREATE_VCPU).isEqualTo(0x0000AE41L);
        assertThat(Uapi.ENABLE_CAPABILITY).isEqualTo(0x4068AEA3L);
        assertThat(Uapi.GET_ONE_REG).isEqualTo(0x4010AEABL);
        assertThat(Uapi.SET_ONE_REG).isEqualTo(0x4010AEACL);
        assertThat(Uapi.ARM_VCPU_INIT).isEqualTo(0x4020AEAEL);
        assertThat(Uapi.ARM_PREFERRED_TARGET).isEqualTo(0x8020AEAFL);
        assertThat(Uapi.GET_REG_LIST).isEqualTo(0xC008AEB0L);
        assertThat(Uapi.ARM_GET_REG_WRITABLE_MASKS).isEqualTo(0x8040AEB6L);
        assertThat(Uapi.ARM_VCPU_FINALIZE).isEqualTo(0x4004AEC2L);
        assertThat(Uapi.CREATE_DEVICE_REQUEST).isEqualTo(0xC00CAEE0L);
        assertThat(Uapi.SET_DEVICE_ATTR).isEqualTo(0x4018AEE1L);
        assertThat(Uapi.GET_DEVICE_ATTR).isEqualTo(0x4018AEE2L);
    }

    @Test
    void structureSizes() {
        assertThat(Uapi.VCPU_INIT.byteSize()).isEqualTo(32);
        assertThat(Uapi.ONE_REG.byteSize()).isEqualTo(16);
        assertThat(Uapi.ENABLE_CAP.byteSize()).isEqualTo(104);
        assertThat(Uapi.CREATE_DEVICE.byteSize()).isEqualTo(12);
        assertThat(Uapi.DEVICE_ATTR.byteSize()).isEqualTo(24);
        assertThat(Uapi.REG_MASK_RANGE.byteSize()).isEqualTo(64);
    }

    @Test
    void fieldOffsets() {
        assertThat(Uapi.offset(Uapi.ONE_REG, "addr")).isEqualTo(8);
        assertThat(Uapi.offset(Uapi.CREATE_DEVICE, "fd")).isEqualTo(4);
        assertThat(Uapi.offset(Uapi.CREATE_DEVICE, "flags")).isEqualTo(8);
        assertThat(Uapi.offset(Uapi.DEVICE_ATTR, "attr")).isEqualTo(8);
        assertThat(Uapi.offset(Uapi.DEVICE_ATTR, "addr")).isEqualTo(16);
        assertThat(Uapi.offset(Uapi.REG_MASK_RANGE, "range")).isEqualTo(8);
    }
}
