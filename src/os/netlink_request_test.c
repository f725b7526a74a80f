#include "os/netlink_request.h"

#include "test/guard.h"

#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void attributes_of(struct netlink_request *q)
{
	const struct rtmsg body = {.rtm_family = 2};
	netlink_request_init(q, RTM_NEWROUTE, 0, &body, sizeof(body));
	netlink_put_text(q, RTA_IIF, "abcd"); /* five octets: padded to eight */
	netlink_put_number(q, RTA_PRIORITY, 512);
	size_t at = netlink_nest_begin(q, RTA_METRICS);
	netlink_put_number(q, RTAX_MTU, 1400);
	netlink_nest_end(q, at);
}

static void reads_the_attributes_that_it_wrote(void **state)
{
	(void)state;
	struct netlink_request q;
	struct reader body, inner;
	uint16_t type;
	attributes_of(&q);
	struct reader r = reader_of(q.bytes, q.header.nlmsg_len);
	reader_skip(&r, NLMSG_HDRLEN + sizeof(struct rtmsg));
	assert_true(netlink_attribute_next(&r, &type, &body));
	assert_int_equal(type, RTA_IIF);
	assert_int_equal(reader_left(&body), 5);
	assert_true(netlink_attribute_next(&r, &type, &body));
	assert_int_equal(type, RTA_PRIORITY);
	assert_int_equal(netlink_number(body), 512);
	assert_true(netlink_attribute_next(&r, &type, &body));
	assert_int_equal(type, RTA_METRICS);
	assert_true(netlink_attribute_next(&body, &type, &inner));
	assert_int_equal(type, RTAX_MTU);
	assert_int_equal(netlink_number(inner), 1400);
	assert_false(netlink_attribute_next(&body, &type, &inner));
	assert_false(netlink_attribute_next(&r, &type, &body));
	assert_false(r.bad);
}

static void read_all(const uint8_t *data, size_t len)
{
	struct reader r = reader_of(data, len), body;
	uint16_t type;
	size_t n = 0;
	while (netlink_attribute_next(&r, &type, &body)) {
		(void)netlink_number(body);
		assert_true(++n <= len);
	}
}

static void stays_inside_of_torn_and_bent_attributes(void **state)
{
	(void)state;
	struct netlink_request q;
	attributes_of(&q);
	size_t head = NLMSG_HDRLEN + sizeof(struct rtmsg), len = q.header.nlmsg_len - head;
	guard_every_prefix(q.bytes + head, len, read_all);
	guard_every_bit_flip(q.bytes + head, len, read_all);
}

static void a_request_that_the_kernel_refuses_brings_its_error(void **state)
{
	(void)state;
	struct netlink_request q;
	const struct rtmsg body = {.rtm_family = 255};
	netlink_request_init(&q, RTM_GETROUTE, 0, &body, sizeof(body));
	assert_int_not_equal(netlink_request_do(&q), OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stays_inside_of_torn_and_bent_attributes),
		cmocka_unit_test(a_request_that_the_kernel_refuses_brings_its_error),
		cmocka_unit_test(reads_the_attributes_that_it_wrote),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
