/* Paths, hosts, Forwarded, Accept, Basic and Range from anywhere; the first byte chooses. Nothing
 * is read past the end, a normal path is normal once more and never leaves its root, and ranges lie
 * inside. */
#include "proto/http/accept.h"
#include "proto/http/basic.h"
#include "proto/http/forwarded.h"
#include "proto/http/range.h"
#include "proto/http/uri.h"

#include "base/writer.h"

static void path(struct span in, unsigned flags)
{
	uint8_t room[2][4096];
	struct writer a = writer_of(room[0], sizeof(room[0]));
	struct writer b = writer_of(room[1], sizeof(room[1]));
	struct span one, two, rest;
	if (uri_path_normal(in, flags, &a, &one) != OK)
		return;
	ASSERT(one.len && one.data[0] == '/');
	ASSERT(uri_path_normal(one, flags, &b, &two) == OK && span_equal(one, two));
	for (rest = span_sub(one, 1, one.len); rest.len;) {
		size_t end = span_find(rest, '/');
		ASSERT(!span_is(span_sub(rest, 0, end), ".."));
		rest = span_sub(rest, end + 1, rest.len);
	}
}

static void fields(struct span in)
{
	struct forwarded_element e[FORWARDED_ELEMENTS_MAX];
	struct ip_endpoint node;
	struct span list = in, item, base64, name, password;
	size_t n;
	if (forwarded_read(in, e, &n) == OK)
		for (size_t i = 0; i < n; i++)
			err_ignore(forwarded_node_read(e[i].client, &node));
	while (forwarded_item_before(&list, &item))
		err_ignore(forwarded_node_read(item, &node));
	uint8_t buf[BASIC_MAX];
	if (basic_read(in, &base64) == OK && basic_decode(base64, buf, &name, &password) == OK)
		ASSERT(name.len + password.len < BASIC_MAX);
	ASSERT(accept_coding(in, "br") <= ACCEPT_FULL && accept_media(in, "a/b") <= ACCEPT_FULL);
	struct range r[RANGES_MAX];
	if (range_read(in, 1000, r, &n) == OK)
		for (size_t i = 0; i < n; i++)
			ASSERT(r[i].first <= r[i].last && r[i].last < 1000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct span in = span_of(data + 1, size - 1), host;
	uint8_t room[512];
	struct writer w = writer_of(room, sizeof(room));
	uint16_t port;
	if (data[0] & 4)
		fields(in);
	else if (data[0] & 8)
		(void)!uri_host_normal(in, &w, &host, &port);
	else
		path(in, data[0] & 3);
	return 0;
}
