import ArgumentParser
import Glibc
import ProxyCore

struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Show and control the traffic in a browser, until Ctrl-C.",
        discussion: """
            Prints the address to open, and becomes proxyd-inspector, which is installed beside proxyd. When the daemon ends, the inspector waits \
            for the next one. `proxyd run --web` starts an inspector together with the daemon.

            EXAMPLES
              proxyd inspect --listen 127.0.0.1:0
              proxyd inspect --store flows.sqlite --store-limit 4g --read-only
            """
    )

    @OptionGroup var options: InspectorOptions

    func run() throws {
        do throws(StartError) {
            let program = try BundledInspector.program
            var arguments = ([program] + options.arguments).map { strdup($0) } + [nil]
            execv(program, &arguments)
            throw StartError("cannot run \(program)", errno)
        } catch {
            ToolProcess.fail(ToolFailure.nothing("\(error)"))
        }
    }
}
