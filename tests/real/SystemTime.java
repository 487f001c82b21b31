// Apache Kafka's own clock, for tests that set it: ahead by the number of seconds in the file that -Dtest.clock names.
// It precedes Kafka's class of the same name on the class path. Monotonic time does not change.
package org.apache.kafka.common.utils;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Supplier;
import org.apache.kafka.common.errors.TimeoutException;

class SystemTime implements Time {
    private static final SystemTime SYSTEM_TIME = new SystemTime();
    private static final Path CLOCK = Path.of(System.getProperty("test.clock"));
    private static final long READ_EVERY_NANOSECONDS = 10_000_000;
    private volatile long aheadMilliseconds;
    private volatile long readAt = System.nanoTime() - READ_EVERY_NANOSECONDS;

    public static SystemTime getSystemTime() {
        return SYSTEM_TIME;
    }

    @Override
    public long milliseconds() {
        if (System.nanoTime() - readAt >= READ_EVERY_NANOSECONDS) {
            readAt = System.nanoTime();
            try {
                aheadMilliseconds = 1000 * Long.parseLong(Files.readString(CLOCK).strip());
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
        }
        return System.currentTimeMillis() + aheadMilliseconds;
    }

    @Override
    public long nanoseconds() {
        return System.nanoTime();
    }

    @Override
    public void sleep(long milliseconds) {
        Utils.sleep(milliseconds);
    }

    @Override
    public void waitObject(Object object, Supplier<Boolean> condition, long deadline) throws InterruptedException {
        synchronized (object) {
            while (!condition.get()) {
                long left = deadline - milliseconds();
                if (left <= 0) {
                    throw new TimeoutException("Condition not satisfied before deadline");
                }
                object.wait(left);
            }
        }
    }
}
