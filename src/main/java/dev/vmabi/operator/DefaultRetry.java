package dev.vmabi.operator;

import io.javaoperatorsdk.operator.processing.retry.GenericRetry;
import io.javaoperatorsdk.operator.processing.retry.Retry;
import io.javaoperatorsdk.operator.processing.retry.RetryExecution;

/**
 * The Operator SDK's own retry, but without properties: Quarkus writes those of {@link GenericRetry} into the operator when
 * it is built, and takes now one and now the other of two setters for the same of them.
 */
public final class DefaultRetry implements Retry {
    @Override
    public RetryExecution initExecution() {
        return GenericRetry.defaultLimitedExponentialRetry().initExecution();
    }
}
