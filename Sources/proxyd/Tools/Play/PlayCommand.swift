import AddonProtocol
package import ArgumentParser
import Glibc

package struct PlayCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "play",
        abstract: "Play a recording to an addon, without a network, and compare its replies.",
        discussion: """
            Sends the addon what the daemon sent when `proxyd record` was running, and prints where its replies differ from those \
            recorded, path by path. Its calls are answered as they were then. The exit code is 1 if anything differs: a regression \
            test for addons.

            EXAMPLES
              proxyd record session.jsonl --addon add-header     (until Ctrl-C)
              proxyd play session.jsonl -- python3 examples/python/add_header.py
              proxyd play --fast --json session.jsonl -- ./my-addon
            """
    )

    @Argument(help: ArgumentHelp("What `proxyd record` has written.", valueName: "file"))
    var file: String

    @Option(
        help: ArgumentHelp(
            "Whose frames to play; by default those of the name that the addon registers under.",
            valueName: "name"
        )
    )
    var addon: String?

    @Flag(help: "Send each frame as soon as it can be, and not when it was.")
    var fast = false

    @Option(help: ArgumentHelp("Wait at this path for an addon that attaches, and start none.", valueName: "path"))
    var socket: String?

    @Option(help: ArgumentHelp("How long an answer may take.", valueName: "milliseconds"))
    var timeoutMs = 5_000

    @Flag(help: "Print the differences as JSON.")
    var json = false

    @Argument(parsing: .postTerminator, help: "The addon, run by /bin/sh.")
    var command: [String] = []

    package init() {}

    package func validate() throws {
        guard command.isEmpty != (socket == nil) else {
            throw ValidationError("give either -- COMMAND, such as -- python3 addon.py, or --socket PATH")
        }
        guard (1...600_000).contains(timeoutMs) else {
            throw ValidationError("--timeout-ms: found \(timeoutMs); allowed: 1 to 600000")
        }
    }

    package func run() throws {
        let recording = try Recording(path: file)
        let tested = try AddonUnderTest(command: command, socket: socket)
        defer { tested.end() }
        let options = recording.head["options"] ?? Welcome.builtInOptions
        let registration = try welcome(tested.link, options)
        let name = try chosen(recording, registration.name)
        let player = Player(
            AddonTalk(tested.link),
            recording.frames.filter { $0.addon == name },
            patience: .milliseconds(timeoutMs),
            isFast: fast
        )
        player.run(configuration: Welcome.configuration(of: registration, options: options))
        try report(player, name)
    }

    private func welcome(_ link: AddonLink, _ options: JSONValue) throws(PlayFailure) -> Registration {
        do throws(ProtocolError) {
            let frame = try link.next(before: .now + .seconds(AddonUnderTest.connectSeconds))
            guard let frame, case .single(.request(let id, "initialize", let params)) = try IncomingFrame.decode(frame)
            else {
                throw ProtocolError(
                    code: ProtocolError.notInitialized,
                    message: "its first message is not the request initialize"
                )
            }
            let registration = try Registration(params: params)
            if let reason = registration.disable {
                throw ProtocolError(code: ProtocolError.notInitialized, message: "it does not take part: \(reason)")
            }
            link.send(.success(id: id, result: Welcome.result(to: registration, options: options)))
            return registration
        } catch {
            throw PlayFailure("the addon does not register: \(error.message); `proxyd check` tells more")
        }
    }

    /// Whose frames are played.
    private func chosen(_ recording: Recording, _ registered: String) throws(PlayFailure) -> String {
        let names = recording.addons
        if let name = addon ?? (names.contains(registered) ? registered : nil) {
            guard !names.contains(name) else { return name }
        } else if names.count == 1 {
            let words =
                "the recording is of \(names[0]); \(registered) has registered, and is compared with the frames of \(names[0])"
            Notice.write(escapedForTerminal(words))
            return names[0]
        }
        let known = names.isEmpty ? "no addon at all" : names.joined(separator: ", ")
        throw PlayFailure("\(file) has no frames of \(addon ?? registered); it has those of \(known)")
    }

    private func report(_ player: Player, _ name: String) throws {
        let differences = player.differences
        if json {
            print(
                JSONValue.object([
                    .init("addon", .string(name)), .init("replies", .integer(player.comparedReplies)),
                    .init("differences", .array(differences.map(\.json))),
                ])
            )
        } else {
            for difference in differences { print(escapedForTerminal(difference.text)) }
            let replies = Words.count(player.comparedReplies, "reply", "replies")
            let found = Words.count(differences.count, "difference", "differences")
            print("\(escapedForTerminal(name)): \(replies), \(differences.isEmpty ? "no difference" : found)")
        }
        fflush(nil)
        if !differences.isEmpty { throw ExitCode(1) }
    }
}
