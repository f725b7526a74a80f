#include "service/resolver/trace.h"

const char *trace_kind_text(enum trace_kind kind)
{
	switch (kind) {
	case TRACE_CACHING: return "caching";
	case TRACE_RECURSIVE: return "recursive";
	case TRACE_ROOT: return "root";
	case TRACE_TLD: return "tld";
	case TRACE_AUTHORITATIVE: return "authoritative";
	case TRACE_SUMMARY: return "summary";
	}
	return "?";
}

const char *trace_event_text(enum trace_event event)
{
	switch (event) {
	case TRACE_HIT: return "hit";
	case TRACE_MISS: return "miss";
	case TRACE_START: return "start";
	case TRACE_RESTART: return "restart";
	case TRACE_REFERRAL: return "referral";
	case TRACE_ANSWER: return "answer";
	case TRACE_CNAME: return "cname";
	case TRACE_NODATA: return "nodata";
	case TRACE_NXDOMAIN: return "nxdomain";
	case TRACE_LAME: return "lame";
	case TRACE_FAILED: return "failed";
	case TRACE_TIMEOUT: return "timeout";
	case TRACE_TRUNCATED: return "truncated";
	case TRACE_UNREACHABLE: return "unreachable";
	}
	return "?";
}
