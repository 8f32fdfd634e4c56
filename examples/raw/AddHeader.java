// Adds a header to every request, with the JDK alone (17 and later): java AddHeader.java [SOCKET]

import java.io.BufferedReader;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

public class AddHeader {
    static final Map<String, String> REPLIES = new HashMap<>();

    static {
        for (String method : new String[] {"start", "configure", "done", "ping"}) REPLIES.put(method, "null");
        REPLIES.put("requestheaders", "{\"flow\":{\"request\":{\"headers\":{\"x-raw\":\"java\"}}}}");
    }

    public static void main(String[] arguments) throws IOException {
        String path = arguments.length > 0 ? arguments[0] : System.getenv("PROXYD_ADDON_SOCKET");
        SocketChannel socket = SocketChannel.open(StandardProtocolFamily.UNIX);
        socket.connect(UnixDomainSocketAddress.of(path));
        String token = System.getenv("PROXYD_ADDON_TOKEN");
        String shown = token == null ? "" : ",\"token\":\"" + token + "\"";
        say(socket, "\"id\":1,\"method\":\"initialize\",\"params\":{\"name\":\"java\",\"events\":[\"requestheaders\"]" + shown + "}");
        BufferedReader lines = new BufferedReader(Channels.newReader(socket, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            Map<String, String> message = members(line);
            if (message.get("method") == null || message.get("id") == null) continue;
            String method = message.get("method").replace("\"", "");
            String reply = REPLIES.get(method);
            String answer = reply != null ? "\"result\":" + reply : "\"error\":{\"code\":-32601,\"message\":\"unknown method\"}";
            say(socket, "\"id\":" + message.get("id") + "," + answer); // The id as it came, number or string.
        }
    }

    static void say(SocketChannel socket, String members) throws IOException {
        ByteBuffer line = ByteBuffer.wrap(("{\"jsonrpc\":\"2.0\"," + members + "}\n").getBytes(StandardCharsets.UTF_8));
        while (line.hasRemaining()) socket.write(line);
    }

    /** The members of a JSON object, each value as its text: enough for an addon that reads no bodies. */
    static Map<String, String> members(String json) {
        Map<String, String> members = new HashMap<>();
        String name = null;
        int depth = 0;
        int start = 0;
        for (int place = 0; place < json.length(); place++) {
            char each = json.charAt(place);
            if (each == '"') {
                for (place++; json.charAt(place) != '"'; place++) if (json.charAt(place) == '\\') place++;
            } else if (depth == 1 && each == ':') {
                name = json.substring(start, place).strip().replace("\"", "");
                start = place + 1;
            } else if (depth == 1 && (each == ',' || each == '}')) {
                if (name != null) members.put(name, json.substring(start, place).strip());
                start = place + 1;
            }
            if (each == '{' || each == '[') depth++;
            if (each == '}' || each == ']') depth--;
            if (depth == 1 && start == 0) start = place + 1;
        }
        return members;
    }
}
