import AddonSDK

/// Sets a header on every request and every response.
@main
struct AddHeader: RequestHandler, ResponseHandler {
    let name = "add-header"

    var settings: AddonSettings {
        var settings = AddonSettings()
        settings.body = .none
        return settings
    }

    func request(_ flow: HTTPFlow) {
        flow.request.headers["x-proxyd"] = "hello"
    }

    func response(_ flow: HTTPFlow) {
        flow.response?.headers["x-proxyd"] = "hello"
    }
}
