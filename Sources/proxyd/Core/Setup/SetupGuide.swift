import ProxyCodecs

/// How to make systems, browsers and programs trust the CA; docs/setup.md has the same with reasons.
struct SetupGuide {
    /// What to do on one system, or in one program.
    struct Section {
        /// A sentence to read, or a command to run.
        enum Step {
            case say(String)
            case run(String)
        }

        var title: String
        var steps: [Step]

        init(_ title: String, _ steps: Step...) { (self.title, self.steps) = (title, steps) }
    }

    /// Where to fetch the certificate, if other machines can reach the proxy.
    var proxy: Authority?

    var sections: [Section] { [oneProgram] + systems + phones + browsers + programs }

    private var oneProgram: Section {
        Section(
            "One program, nothing installed",
            .say("On the proxy’s machine, this starts a program that already trusts the CA; the proxy ends with it:"),
            .run("proxyd run -- curl https://example.com/")
        )
    }

    private var systems: [Section] {
        [
            Section(
                "Linux: Debian, Ubuntu, Alpine",
                .say(fetching),
                .run(
                    "sudo cp proxyd-ca-cert.pem /usr/local/share/ca-certificates/proxyd.crt\nsudo update-ca-certificates"
                )
            ),
            Section(
                "Linux: Fedora, Red Hat, Arch",
                .say(fetching),
                .run("sudo trust anchor --store proxyd-ca-cert.pem")
            ),
            Section(
                "Linux: openSUSE",
                .say(fetching),
                .run("sudo cp proxyd-ca-cert.pem /etc/pki/trust/anchors/proxyd.pem\nsudo update-ca-certificates")
            ),
            Section(
                "macOS",
                .run(
                    "sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain proxyd-ca-cert.pem"
                ),
                .say(
                    "Or open the file in Keychain Access, put it into System, and set “When using this certificate” to “Always Trust”."
                )
            ),
            Section(
                "Windows",
                .say("In a terminal, as administrator for all users, or with -user after certutil for yourself only:"),
                .run("certutil -addstore Root proxyd-ca-cert.cer"),
                .say(
                    "Or open the file, choose Install Certificate, and place it in “Trusted Root Certification Authorities”."
                )
            ),
        ]
    }

    private var fetching: String {
        guard let proxy else { return "Download the PEM file, then:" }
        let address = proxy.description(scheme: "http")
        return "Download the PEM file, or fetch it with curl -o proxyd-ca-cert.pem http://\(address)/cert/pem, then:"
    }

    private var phones: [Section] {
        [
            Section(
                "iPhone, iPad",
                .say("Open this page in Safari, download the PEM file, and allow the profile."),
                .say("Settings, “Profile Downloaded”: install it."),
                .say("Settings, General, About, Certificate Trust Settings: turn on full trust for proxyd.")
            ),
            Section(
                "iOS Simulator",
                .run("xcrun simctl keychain booted add-root-cert proxyd-ca-cert.pem")
            ),
            Section(
                "Android",
                .say(
                    "Download the CER file. Settings, Security, Encryption & credentials, Install a certificate, CA certificate."
                ),
                .say(
                    "Browsers then trust it. Other apps do so only if their network security configuration has <certificates src=\"user\"/>."
                )
            ),
            Section(
                "Android emulator, up to Android 13",
                .say(
                    "Start it with -writable-system, and add the CA to the system’s, which all apps trust:"
                ),
                .run(
                    """
                    name=$(openssl x509 -in proxyd-ca-cert.pem -noout -subject_hash_old).0
                    adb root && adb remount
                    adb push proxyd-ca-cert.pem /system/etc/security/cacerts/$name
                    adb shell chmod 644 /system/etc/security/cacerts/$name
                    adb reboot
                    """
                ),
                .say("The emulator reaches this machine’s 127.0.0.1 as 10.0.2.2.")
            ),
        ]
    }

    private var browsers: [Section] {
        [
            Section(
                "Firefox",
                .say(
                    "Settings, Privacy & Security, View Certificates, Authorities, Import: the PEM file, to identify websites."
                ),
                .say("Or set security.enterprise_roots.enabled in about:config, to trust what the system trusts.")
            ),
            Section(
                "Chrome, Chromium, Edge",
                .say("On macOS, Windows and Android they trust what the system trusts. On Linux, with libnss3-tools:"),
                .run("certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n proxyd -i proxyd-ca-cert.pem")
            ),
            Section("Safari", .say("It trusts what macOS or iOS trusts.")),
        ]
    }

    private var programs: [Section] {
        [
            Section("curl", .run("curl --cacert proxyd-ca-cert.pem -x http://\(named) https://example.com/")),
            Section(
                "Java",
                .run(
                    "sudo keytool -importcert -cacerts -storepass changeit -noprompt -alias proxyd -file proxyd-ca-cert.pem"
                )
            ),
            Section(
                "Python",
                .say("These variables replace the trusted certificates of requests, pip and ssl:"),
                .run(
                    """
                    export REQUESTS_CA_BUNDLE=$PWD/proxyd-ca-cert.pem
                    export PIP_CERT=$PWD/proxyd-ca-cert.pem
                    export SSL_CERT_FILE=$PWD/proxyd-ca-cert.pem
                    """
                )
            ),
            Section("Node.js", .run("export NODE_EXTRA_CA_CERTS=$PWD/proxyd-ca-cert.pem")),
            Section(
                "Ruby, Go, PHP, OpenSSL",
                .say("They trust the system’s certificates, or instead of those:"),
                .run("export SSL_CERT_FILE=$PWD/proxyd-ca-cert.pem")
            ),
            Section("git", .run("git config --global http.sslCAInfo $PWD/proxyd-ca-cert.pem")),
            Section(
                "Docker",
                .say("In an image on Debian or Ubuntu (other systems as above):"),
                .run(
                    """
                    COPY proxyd-ca-cert.pem /usr/local/share/ca-certificates/proxyd.crt
                    RUN update-ca-certificates
                    """
                ),
                .say(
                    "For docker pull, the system that runs the Docker daemon must trust it; then restart the daemon."
                )
            ),
        ]
    }

    private var named: String { proxy?.description(defaultPort: nil) ?? "127.0.0.1:8080" }
}
