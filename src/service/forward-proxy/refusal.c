#include "service/forward-proxy/refusal.h"

#include "base/err.h"

static const struct refusal_facts all[REFUSALS] = {
	[REFUSAL_NONE] = {"", 200, NULL, ""},
	[REFUSAL_ADDRESS] = {"address", 400, "http_request_error",
			     "The address is none that can be gone to, or could be read as two."},
	[REFUSAL_OWN] = {"own", 421, "http_request_error",
			 "This is a proxy: it has no pages of its own at that address."},
	[REFUSAL_SCHEME] = {"scheme", 501, "http_request_denied",
			    "This proxy fetches http addresses, and opens tunnels by CONNECT for "
			    "others."},
	[REFUSAL_PORT] = {"port", 403, "http_request_denied",
			  "The port is not among those that may be gone to."},
	[REFUSAL_INSIDE] = {"inside", 403, "destination_ip_prohibited",
			    "The address leads into the inside of a network."},
	[REFUSAL_ABSENT] = {"absent", 502, "dns_error",
			    "There is no such name, or it has no address."},
	[REFUSAL_UNTOLD] = {"untold", 504, "dns_timeout",
			    "No resolver could tell the name's address."},
	[REFUSAL_BUSY] = {"busy", 503, "proxy_internal_response",
			  "The proxy has no room for this now; try again later."},
	[REFUSAL_LOOP] = {"loop", 508, "proxy_loop_detected",
			  "The request came through this proxy again and again."},
	[REFUSAL_HOPS] = {"max-forwards", 400, "http_request_error",
			  "Max-Forwards is no number, or is there twice."},
	[REFUSAL_MEMORY] = {"memory", 500, "proxy_internal_error",
			    "The proxy has no memory for this now; try again later."},
	[REFUSAL_SIGN_IN] = {"sign-in", 407, "http_request_denied",
			     "This proxy wants to know who you are: a name and a password."},
	[REFUSAL_CLEAR] = {"clear-password", 403, "http_request_denied",
			   "This needs a password, which the proxy takes by TLS only: set it up as "
			   "an https proxy."},
	[REFUSAL_RULE] = {"rule", 403, "http_request_denied",
			  "The rules of this proxy do not let you go there."},
	[REFUSAL_BLOCKED] = {"blocked", 403, "http_request_denied",
			     "This name is on a list of what is blocked here."},
	[REFUSAL_ANSWER] = {"answer", 502, "http_protocol_error",
			    "The server answered what only a proxy may answer."},
};

const struct refusal_facts *refusal_facts(enum refusal why)
{
	ASSERT((unsigned)why < REFUSALS);
	return &all[why];
}

struct refusal_facts refusal_of_cause(enum proxy_cause cause, unsigned status)
{
	struct refusal_facts f = {.word = proxy_cause_text(cause),
				  .status = status,
				  .error = "proxy_internal_error",
				  .text = "The request could not be answered."};
	switch (cause) {
	case PROXY_CONNECT_FAILED:
		f.error = "connection_refused";
		f.text = "The server could not be reached.";
		break;
	case PROXY_CONNECT_TIME:
		f.error = "connection_timeout";
		f.text = "The server did not take a connection in time.";
		break;
	case PROXY_BACK_STALE:
	case PROXY_BACK_CLOSED:
	case PROXY_BACK_TORN:
		f.error = "connection_terminated";
		f.text = "The server ended the connection before it had answered.";
		break;
	case PROXY_BACK_FORMAT:
		f.error = "http_protocol_error";
		f.text = "The server's answer is none that HTTP allows.";
		break;
	case PROXY_BACK_HEAD_LIMIT:
		f.error = "http_response_header_section_size";
		f.text = "The head of the server's answer is too long.";
		break;
	case PROXY_BACK_TIME:
	case PROXY_BACK_BODY_TIME:
	case PROXY_WHOLE_TIME:
		f.error = "http_response_timeout";
		f.text = "The server did not answer in time.";
		break;
	case PROXY_CLIENT_BODY_LIMIT:
		f.error = "http_request_denied";
		f.text = "The body of the request is longer than is allowed.";
		break;
	case PROXY_CLIENT_BODY_TIME:
	case PROXY_CLIENT_FORMAT:
		f.error = "http_request_error";
		f.text = "The request did not come as it should.";
		break;
	case PROXY_NO_BACK:
	case PROXY_BUSY:
		f.error = "proxy_internal_response";
		f.text = "The proxy has no room for this now; try again later.";
		break;
	case PROXY_DRAINED:
		f.error = "proxy_internal_response";
		f.text = "The proxy ends; try again in a moment.";
		break;
	default: break;
	}
	return f;
}
