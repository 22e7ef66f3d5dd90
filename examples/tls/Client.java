import java.util.concurrent.CountDownLatch;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.client.ZKClientConfig;

/**
 * Connects to an ensemble by TLS, with a certificate if there is one, and creates a znode.
 *
 * <p>ZOOKEEPER is tlsConnectionString of the ConfigMap NAME-connection, CA the file with its ca.crt, KEY_STORE one PEM file with
 * the key of this client (PKCS8) followed by its certificate. Needs zookeeper.jar and netty. Each property may as well be given
 * to the JVM by -D.
 */
public class Client {
  public static void main(String[] arguments) throws Exception {
    ZKClientConfig config = new ZKClientConfig();
    config.setProperty("zookeeper.client.secure", "true");
    config.setProperty("zookeeper.clientCnxnSocket", "org.apache.zookeeper.ClientCnxnSocketNetty");
    config.setProperty("zookeeper.ssl.trustStore.location", System.getenv("CA"));
    config.setProperty("zookeeper.ssl.trustStore.type", "PEM");
    if (System.getenv("KEY_STORE") != null) {
      config.setProperty("zookeeper.ssl.keyStore.location", System.getenv("KEY_STORE"));
      config.setProperty("zookeeper.ssl.keyStore.type", "PEM");
    }
    CountDownLatch connected = new CountDownLatch(1);
    try (ZooKeeper client = new ZooKeeper(System.getenv("ZOOKEEPER"), 10_000, event -> {
      if (event.getState() == KeeperState.SyncConnected) {
        connected.countDown();
      }
    }, config)) {
      connected.await();
      String path = client.create("/from-java", "by TLS".getBytes(), Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
      System.out.println("created " + path);
    }
  }
}
