#include "os/raw.h"

#include "base/writer.h"
#include "os/udp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "os/veth_test.h"

static const char no_rights[] = "namespaces or raw sockets are not permitted";

/* UDP from another host's address, port 7 to 9, without a checksum. */
static struct span packet(uint8_t *bytes, size_t room)
{
	struct writer w = writer_of(bytes, room);
	write_u16(&w, 0x4500);
	write_u16(&w, 20 + 8 + 4);
	write_u32(&w, 0x12340000);
	write_u16(&w, 64 << 8 | 17);
	write_u16(&w, 0);
	write_bytes(&w, (const uint8_t[]){10, 9, 1, 77, 10, 9, 1, 2}, 8);
	write_u16(&w, 7);
	write_u16(&w, 9);
	write_u16(&w, 12);
	write_u16(&w, 0);
	write_bytes(&w, "true", 4);
	return span_of(bytes, w.pos);
}

static ssize_t receive(int fd, char *buf, size_t size)
{
	for (int i = 0; i < 400; i++) {
		ssize_t n = recv(fd, buf, size, MSG_DONTWAIT);
		if (n >= 0)
			return n;
		(void)usleep(5000);
	}
	return -1;
}

static int over_a_cable(void)
{
	struct cable cable;
	const struct ip_endpoint at = {.address = cable_right4, .port = 9};
	uint8_t bytes[2000];
	struct span p = packet(bytes, sizeof(bytes));
	char got[16];
	int raw, udp;
	enum err e = cable_lay(&cable);
	if (cable_may_not(e))
		return CHILD_SKIPS;
	CHILD_CHECK(!e && !netns_enter(cable.there) && !udp_open(&at, 0, &udp));
	CHILD_CHECK(!netns_enter(cable.here));
	e = raw4_open(0x77, &raw);
	if (cable_may_not(e))
		return CHILD_SKIPS;
	CHILD_CHECK(!e);
	CHILD_CHECK(!raw4_send(raw, 0, p) && receive(udp, got, sizeof(got)) == 4);
	CHILD_CHECK(!memcmp(got, "true", 4));
	CHILD_CHECK(!raw4_send(raw, cable.v0, p) && receive(udp, got, sizeof(got)) == 4);
	/* Nowhere; by a device that is not there; too big; no head. */
	memset(bytes + 16, 1, 4);
	CHILD_CHECK(raw4_send(raw, 0, p) == (enum err)ENETUNREACH);
	p = packet(bytes, sizeof(bytes));
	CHILD_CHECK(raw4_send(raw, 9999, p) != OK);
	memset(bytes + p.len, 0, sizeof(bytes) - p.len);
	CHILD_CHECK(raw4_send(raw, 0, span_of(bytes, sizeof(bytes))) == (enum err)EMSGSIZE);
	CHILD_CHECK(raw4_send(raw, 0, span_of(bytes, 19)) == ERR_FORMAT);
	return 0;
}

static void sends_what_another_host_has_said(void **state)
{
	(void)state;
	assert_child(over_a_cable, no_rights);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sends_what_another_host_has_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
