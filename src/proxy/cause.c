#include "proxy/end.h"

static const struct {
	const char *text;
	unsigned status;
} causes[PROXY_CAUSES] = {
	[PROXY_FINE] = {"fine", 0},
	[PROXY_CLIENT_FORMAT] = {"client-format", 400},
	[PROXY_CLIENT_HEAD_LIMIT] = {"client-head-limit", 431},
	[PROXY_CLIENT_BODY_LIMIT] = {"client-body-limit", 413},
	[PROXY_CLIENT_HEAD_TIME] = {"client-head-time", 408},
	[PROXY_CLIENT_BODY_TIME] = {"client-body-time", 408},
	[PROXY_CLIENT_READ_TIME] = {"client-read-time", 0},
	[PROXY_CLIENT_GONE] = {"client-gone", 0},
	[PROXY_REFUSED] = {"refused", 0},
	[PROXY_NO_BACK] = {"no-back", 503},
	[PROXY_BUSY] = {"busy", 503},
	[PROXY_CONNECT_FAILED] = {"connect-failed", 502},
	[PROXY_CONNECT_TIME] = {"connect-time", 504},
	[PROXY_BACK_TLS] = {"back-tls", 502},
	[PROXY_BACK_CERTIFICATE] = {"back-certificate", 502},
	[PROXY_BACK_STALE] = {"back-stale", 502},
	[PROXY_BACK_CLOSED] = {"back-closed", 502},
	[PROXY_BACK_FORMAT] = {"back-format", 502},
	[PROXY_BACK_HEAD_LIMIT] = {"back-head-limit", 502},
	[PROXY_BACK_TIME] = {"back-time", 504},
	[PROXY_BACK_BODY_TIME] = {"back-body-time", 504},
	[PROXY_BACK_TORN] = {"back-torn", 502},
	[PROXY_WHOLE_TIME] = {"whole-time", 504},
	[PROXY_DRAINED] = {"drained", 503},
	[PROXY_UPSTREAM_SIGN_IN] = {"upstream-sign-in", 502},
	[PROXY_UPSTREAM_REFUSED] = {"upstream-refused", 403},
	[PROXY_UPSTREAM_FAILED] = {"upstream-failed", 502},
	[PROXY_UPSTREAM_FORMAT] = {"upstream-format", 502},
	[PROXY_UPSTREAM_TIME] = {"upstream-time", 504},
	[PROXY_QUOTA] = {"quota", 429},
	[PROXY_TRY_ANOTHER] = {"try-another", 502},
	[PROXY_INTERNAL] = {"internal", 500},
};

const char *proxy_cause_text(enum proxy_cause cause)
{
	return (unsigned)cause < PROXY_CAUSES ? causes[cause].text : "unknown";
}

unsigned proxy_cause_status(enum proxy_cause cause)
{
	return (unsigned)cause < PROXY_CAUSES ? causes[cause].status : 500;
}
