#include "service/reverse-proxy/check_grpc.h"

#include "base/reader.h"
#include "service/reverse-proxy/check.h"

enum {
	PREFIX = 5,	 /* "compressed" and a length: grpc/grpc doc/PROTOCOL-HTTP2.md */
	VARINT_MAX = 10, /* octets */
	/* The wire types of protobuf. */
	VARINT = 0,
	FIXED64 = 1,
	OCTETS = 2,
	FIXED32 = 5,
	/* HealthCheckResponse.ServingStatus */
	SERVING = 1,
	SERVING_STATUSES = 4,
};

static void write_varint(struct writer *w, size_t v)
{
	for (; v >= 0x80; v >>= 7)
		write_u8(w, (uint8_t)(v | 0x80));
	write_u8(w, (uint8_t)v);
}

static uint64_t read_varint(struct reader *r)
{
	uint64_t v = 0;
	for (unsigned i = 0; i < VARINT_MAX; i++) {
		uint8_t octet = read_u8(r);
		v |= (uint64_t)(octet & 0x7f) << (7 * i);
		if (octet < 0x80)
			return v;
	}
	reader_fail(r);
	return 0;
}

void reverse_check_grpc_ask(const char *service, struct writer *w)
{
	size_t len = strlen(service);
	write_u8(w, 0);
	/* What is empty is not written in proto3. */
	write_u32(w, len ? (uint32_t)(len + (len < 0x80 ? 2 : 3)) : 0);
	if (!len)
		return;
	write_u8(w, 1 << 3 | OCTETS);
	write_varint(w, len);
	write_text(w, service);
}

/* A field that is not ours to know. */
static void skip(struct reader *r, unsigned type)
{
	switch (type) {
	case VARINT: (void)read_varint(r); break;
	case FIXED64: reader_skip(r, 8); break;
	case FIXED32: reader_skip(r, 4); break;
	case OCTETS: {
		uint64_t n = read_varint(r);
		if (n > reader_left(r))
			reader_fail(r);
		else
			reader_skip(r, (size_t)n);
		break;
	}
	default: reader_fail(r); break;
	}
}

/* HealthCheckResponse {ServingStatus status = 1}: the last one counts, without one it is 0. */
static enum err read_status(struct reader *r, uint64_t *ret)
{
	uint64_t status = 0;
	while (reader_left(r)) {
		uint64_t tag = read_varint(r);
		if (tag >> 3 == 0)
			return ERR_FORMAT;
		if (tag == (1 << 3 | VARINT))
			status = read_varint(r);
		else if (tag >> 3 == 1)
			return ERR_FORMAT;
		else
			skip(r, tag & 7);
	}
	TRY(reader_end(r));
	*ret = status;
	return OK;
}

/* Of one message, no fewer and no more; we accept none that is compressed. */
static enum err read_message(struct span body, uint64_t *ret)
{
	struct reader r = reader_of_span(body);
	uint8_t compressed = read_u8(&r);
	uint32_t len = read_u32(&r);
	TRY(reader_check(&r));
	if (compressed || len != reader_left(&r))
		return ERR_FORMAT;
	return read_status(&r, ret);
}

/* grpc/grpc doc/statuscodes.md */
static const char *why_of(uint32_t grpc_status)
{
	static const char *const whys[] = {
		[1] = "grpc-status 1: cancelled",
		[2] = "grpc-status 2: unknown",
		[3] = "grpc-status 3: invalid argument",
		[4] = "grpc-status 4: deadline exceeded",
		[5] = "grpc-status 5: it does not know the service",
		[6] = "grpc-status 6: already exists",
		[7] = "grpc-status 7: permission denied",
		[8] = "grpc-status 8: resource exhausted",
		[9] = "grpc-status 9: failed precondition",
		[10] = "grpc-status 10: aborted",
		[11] = "grpc-status 11: out of range",
		[12] = "grpc-status 12: it has no health service",
		[13] = "grpc-status 13: internal",
		[14] = "grpc-status 14: unavailable",
		[15] = "grpc-status 15: data loss",
		[16] = "grpc-status 16: unauthenticated",
	};
	return grpc_status < sizeof(whys) / sizeof(whys[0]) ? whys[grpc_status]
							    : "a grpc-status that is none";
}

static enum parse bad(const char *why, const char **ret_why)
{
	*ret_why = why;
	return PARSE_BAD;
}

static enum parse judge_message(struct span body, const char **ret_why)
{
	static const char *const whys[SERVING_STATUSES] = {
		"its status is unknown", "", "it is not serving", "it does not know the service"};
	uint64_t status;
	if (read_message(body, &status))
		return bad("no message of the health service", ret_why);
	if (status == SERVING)
		return PARSE_DONE;
	return bad(status < SERVING_STATUSES ? whys[status] : whys[0], ret_why);
}

enum parse reverse_check_grpc_judge(const struct reverse_check_answer *a, const char **ret_why)
{
	if (a->status && a->status != 200)
		return bad("its status of HTTP is not 200", ret_why);
	if (a->status && !a->is_grpc)
		return bad("not an answer of gRPC", ret_why);
	if (a->grpc_status && a->grpc_status != REVERSE_CHECK_GRPC_FINE)
		return bad(why_of(a->grpc_status), ret_why);
	if (a->cut)
		return bad("no message of the health service", ret_why);
	if (!a->ended)
		return a->broken ? bad("its answer is torn", ret_why) : PARSE_MORE;
	if (!a->grpc_status)
		return bad("an answer without grpc-status", ret_why);
	return judge_message(a->body, ret_why);
}
