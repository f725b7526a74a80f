/* Bytes of a server into a check by HTTP/2: the first one says of what and in which steps. A check
 * comes to its end with them, keeps to its bounds and gives all memory back. */
#include "service/reverse-proxy/check2.h"

#include "base/reader.h"
#include "base/writer.h"
#include "proto/ip/address.h"
#include "service/reverse-proxy/check.h"

static const char *const statuses[] = {"200-399"};
static const struct reverse_check_conf confs[] = {
	{.grpc = "a.B", .timeout_ms = 1000},
	{.grpc = "", .timeout_ms = 1000},
	{.http = "/", .method = "GET", .status = {(void *)(uintptr_t)statuses, 1}},
	{.http = "/", .method = "GET", .status = {(void *)(uintptr_t)statuses, 1}, .body = "ok"},
};

static void drain(struct reverse_check2 *k)
{
	uint8_t room[HTTP2_WRITE_MIN];
	struct writer w;
	do {
		w = writer_of(room, sizeof(room));
		reverse_check2_write(k, &w);
		ASSERT(!w.bad);
	} while (w.pos);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = reader_of(data, size);
	uint8_t how = read_u8(&r);
	size_t step = how & 4 ? 97 : 8192;
	struct ip_endpoint at = {.address = ip_address_v4(10, 0, 0, 1), .port = 80};
	struct reverse_check2_share share = {0};
	struct reverse_check2 *k;
	const char *why = NULL;
	ASSERT(reverse_check2_share_init(&share) == OK);
	ASSERT(reverse_check2_new(&share, &confs[how % 4], &at, how & 8, &k) == OK);
	drain(k);
	for (uint64_t now_ms = 1; reader_left(&r); now_ms++) {
		size_t n = reader_left(&r) < step ? reader_left(&r) : step;
		reverse_check2_receive(k, now_ms, read_span(&r, n));
		drain(k);
	}
	if (size > REVERSE_CHECK2_IN_MAX)
		ASSERT(reverse_check2_judge(k, false, &why) != PARSE_MORE);
	enum parse p = reverse_check2_judge(k, true, &why);
	ASSERT(p == PARSE_DONE || (p == PARSE_BAD && why));
	reverse_check2_free(k);
	for (size_t i = 0; i < HTTP2_HEAP_SIZES; i++)
		ASSERT(slab_used(&share.heap.slabs[i]) == 0);
	reverse_check2_share_done(&share);
	return 0;
}
