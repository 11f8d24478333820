package dev.vmabi.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeBuilder;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.reflect.AccessFlag;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

class StableBytecodeTest {
    private static final ClassDesc RETRY = ClassDesc.of("io.javaoperatorsdk.operator.processing.retry.GenericRetry");

    @Test
    void aClassIsTheSameWhetherOrNotTheFirstIntervalIsSet() {
        byte[] set = retry(code -> set(code, 2000));
        byte[] notSet = retry(code -> {});
        assertThat(set).isNotEqualTo(notSet);
        assertThat(StableBytecode.withoutFirstInterval(set)).isEqualTo(StableBytecode.withoutFirstInterval(notSet));
    }

    @Test
    void anIntervalThatIsNotTheDefaultIsNotLostInSilence() {
        byte[] other = retry(code -> set(code, 7));
        assertThatThrownBy(() -> StableBytecode.withoutFirstInterval(other))
                .hasMessageContaining("first retry interval");
    }

    private static byte[] retry(Consumer<CodeBuilder> settings) {
        return ClassFile.of()
                .build(
                        ClassDesc.of("Recorded"),
                        type -> type.withMethodBody(
                                "retry", MethodTypeDesc.of(RETRY), AccessFlag.STATIC.mask(), code -> {
                                    code.new_(RETRY)
                                            .dup()
                                            .invokespecial(
                                                    RETRY,
                                                    ConstantDescs.INIT_NAME,
                                                    MethodTypeDesc.of(ConstantDescs.CD_void))
                                            .astore(0);
                                    settings.accept(code);
                                    code.aload(0).areturn();
                                }));
    }

    private static void set(CodeBuilder code, long interval) {
        code.aload(0)
                .loadConstant(interval)
                .invokevirtual(RETRY, "setInitialInterval", MethodTypeDesc.of(RETRY, ConstantDescs.CD_long))
                .pop();
    }
}
