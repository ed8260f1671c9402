import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Hashtable;
import javax.naming.Context;
import javax.naming.NameNotFoundException;
import javax.naming.directory.Attribute;
import javax.naming.directory.InitialDirContext;

/** Prints what Java finds of a name, one a line, sorted: by the host's resolver, and by its own DNS client. */
class Lookup {
  public static void main(String[] args) throws Exception {
    String server = args[0], name = args[1], service = args[2], gone = args[3];
    var lines = new ArrayList<String>();
    for (InetAddress address : InetAddress.getAllByName(name)) lines.add("host " + address.getHostAddress());
    try {
      InetAddress.getByName(gone);
    } catch (UnknownHostException unknown) {
      lines.add("gone host");
    }
    var environment = new Hashtable<String, String>();
    environment.put(Context.INITIAL_CONTEXT_FACTORY, "com.sun.jndi.dns.DnsContextFactory");
    environment.put(Context.PROVIDER_URL, "dns://" + server + "/");
    environment.put("com.sun.jndi.dns.timeout.initial", "20000");
    var dns = new InitialDirContext(environment);
    for (String[] asked : new String[][] {{name, "A"}, {name, "AAAA"}, {service, "SRV"}}) {
      Attribute found = dns.getAttributes(asked[0], new String[] {asked[1]}).get(asked[1]);
      for (int index = 0; index < found.size(); index++) lines.add(asked[1] + " " + found.get(index));
    }
    try {
      dns.getAttributes(gone, new String[] {"A"});
    } catch (NameNotFoundException missing) {
      lines.add("gone dns");
    }
    Collections.sort(lines);
    for (String line : lines) System.out.println(line);
  }
}
