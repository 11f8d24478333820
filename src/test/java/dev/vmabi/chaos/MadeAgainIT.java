package dev.vmabi.chaos;

import static dev.vmabi.chaos.TappedPool.PATIENCE;
import static dev.vmabi.chaos.TappedPool.POOL;
import static org.awaitility.Awaitility.await;

import dev.vmabi.api.GuestABI;
import dev.vmabi.api.VirtualMachineABI;
import io.fabric8.kubernetes.api.model.ObjectMetaBuilder;
import io.fabric8.kubernetes.client.CustomResource;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.dsl.Resource;
import org.junit.jupiter.api.Test;

/** What is deleted and made again while no watch tells of it is taken for the new object that it is. */
class MadeAgainIT {

    @Test
    void anObjectThatWasMadeAgainUnseenIsAnswered() {
        try (TappedPool pool = new TappedPool()) {
            pool.start();
            await().atMost(PATIENCE).until(() -> pool.accepting() == 1);
            KubernetesClient client = pool.client();
            GuestABI strange =
                    client.resources(GuestABI.class).list().getItems().getFirst();
            create(client, strange, "not-a-digest");
            Resource<GuestABI> guestAbi = client.resources(GuestABI.class).withName("not-a-digest");
            await().atMost(PATIENCE).until(() -> guestAbi.get().getStatus() != null);

            pool.tap().gone(true);
            pool.tap().cutOff(true);
            pool.tap().endWatches();
            makeAgain(client, guestAbi);
            makeAgain(client, client.resources(VirtualMachineABI.class).withName(POOL));
            pool.tap().cutOff(false);

            await("the guest ABI").atMost(PATIENCE).until(() -> guestAbi.get().getStatus() != null);
            await("the policy").atMost(PATIENCE).until(() -> pool.accepting() == 1);
        }
    }

    private static <T extends CustomResource<?, ?>> void makeAgain(KubernetesClient client, Resource<T> object) {
        T one = object.get();
        object.delete();
        create(client, one, one.getMetadata().getName());
    }

    private static <T extends CustomResource<?, ?>> void create(KubernetesClient client, T object, String name) {
        object.setMetadata(new ObjectMetaBuilder().withName(name).build());
        object.setStatus(null);
        T _ = client.resource(object).create();
    }
}
