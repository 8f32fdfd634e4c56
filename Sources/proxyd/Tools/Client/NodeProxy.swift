/// The script that Node.js preloads in a command of `proxyd run`, since before version 24 it takes no proxy from the environment.
///
/// It tunnels through the proxy everything that uses the default agents of `http`, `https` and `fetch`.
enum NodeProxy {
    static let script = #"""
        "use strict";
        const http = require("node:http");
        const https = require("node:https");
        const tls = require("node:tls");

        const proxy = new URL(process.env.HTTPS_PROXY);
        const proxyHost = proxy.hostname.replace(/^\[|\]$/g, "");
        const login = proxy.username && `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
        const authorization = login ? { "Proxy-Authorization": `Basic ${Buffer.from(login).toString("base64")}` } : {};
        const direct = new http.Agent();

        function connect(host, port, done) {
            const place = `${host.includes(":") ? `[${host}]` : host}:${port}`;
            const headers = { Host: place, ...authorization };
            const asked = http.request({
                agent: direct, host: proxyHost, port: proxy.port, method: "CONNECT", path: place, headers,
            });
            asked.once("error", done);
            asked.once("response", (response) => done(new Error(`the proxy answered CONNECT with ${response.statusCode}`)));
            asked.once("connect", (response, socket) => {
                if (response.statusCode === 200) return done(null, socket);
                socket.destroy();
                done(new Error(`the proxy answered CONNECT ${place} with ${response.statusCode}`));
            });
            asked.end();
        }

        function secure(options, socket, done) {
            const secured = tls.connect({ ...options, socket });
            secured.once("error", done);
            secured.once("secureConnect", () => {
                secured.off("error", done);
                done(null, secured);
            });
        }

        // What speaks to the proxy by itself is left alone.
        const isProxy = (host, port) => host === proxyHost && Number(port) === Number(proxy.port);

        class TunnelAgent extends http.Agent {
            createConnection(options, done) {
                const host = options.host ?? "localhost";
                if (options.socketPath || isProxy(host, options.port)) return super.createConnection(options, done);
                connect(host, options.port ?? 80, done);
            }
        }

        class SecureTunnelAgent extends https.Agent {
            createConnection(options, done) {
                const host = options.host ?? "localhost";
                if (options.socketPath) return super.createConnection(options, done);
                connect(host, options.port ?? 443, (error, socket) => (error ? done(error) : secure(options, socket, done)));
            }
        }

        http.globalAgent = new TunnelAgent({ keepAlive: true });
        https.globalAgent = new SecureTunnelAgent({ keepAlive: true });

        // fetch is of undici, whose agent is there once it is loaded.
        const key = Symbol.for("undici.globalDispatcher.1");
        void globalThis.Response;
        const Agent = globalThis[key]?.constructor;
        if (Agent) {
            globalThis[key] = new Agent({
                connect({ hostname, port, protocol, servername }, done) {
                    const isSecure = protocol === "https:";
                    const host = hostname.replace(/^\[|\]$/g, "");
                    connect(host, port || (isSecure ? 443 : 80), (error, socket) => {
                        if (error || !isSecure) return done(error, socket);
                        secure({ host, servername: servername ?? host, ALPNProtocols: ["http/1.1"] }, socket, done);
                    });
                },
            });
        }
        """#
}
