package dev.vmabi.operator;

import dev.vmabi.fleet.FlightRecorder;
import dev.vmabi.fleet.Recording;
import io.smallrye.common.annotation.Blocking;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;

/** The last decisions of this replica, beside its metrics; without any where the recorder is off. */
@Path("/flight-recording")
public class FlightRecording {
    private final FlightRecorder recorder;

    FlightRecording(FlightRecorder recorder) {
        this.recorder = recorder;
    }

    @GET
    @Blocking
    @Produces(MediaType.APPLICATION_JSON)
    public Recording recording() {
        return recorder.recording();
    }
}
