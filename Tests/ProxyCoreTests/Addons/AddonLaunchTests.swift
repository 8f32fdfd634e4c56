import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct AddonLaunchTests {
    private func spec(_ change: (inout AddonSpec) -> Void = { _ in }) -> AddonSpec {
        var spec = AddonSpec(name: "shop", command: "run 'this'; then=that", onFailure: .closed)
        change(&spec)
        return spec
    }

    @Test func `a command that needs nothing before is run by the shell itself`() {
        #expect(AddonLaunch.program(spec()) == "/bin/sh")
        #expect(AddonLaunch.arguments(spec()) == ["/bin/sh", "-c", "run 'this'; then=that"])
    }

    @Test func `a user, a folder and limits are given to it by proxyd`() throws {
        var limits = AddonSpec.ResourceLimits()
        limits.files = 64
        for changed in [spec { $0.user = "nobody" }, spec { $0.cwd = UserPath("/tmp") }, spec { $0.limits = limits }] {
            #expect(AddonLaunch.program(changed) == AddonProcess.ownProgram)
            let arguments = AddonLaunch.arguments(changed)
            #expect(arguments.count == 3 && arguments[1] == "launch-addon")
            let launched = try #require(AddonSpec(processText: arguments[2]))
            #expect(launched.command == changed.command && launched.user == changed.user)
            #expect(launched.cwd == changed.cwd && launched.limits == changed.limits)
        }
    }

    @Test func `what makes a process says nothing of the addon's name and policy`() throws {
        let launched = try #require(AddonSpec(processText: spec().processText))
        #expect(launched.name == "addon" && launched.onFailure == nil)
        #expect(AddonSpec(processText: "{") == nil && AddonSpec(processText: "[]") == nil)
    }
}
