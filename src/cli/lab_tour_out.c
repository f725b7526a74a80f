/* The tour's sixth journey: a host of the site goes out through the forward proxy; a page is
 * fetched once for two who ask, another one is blocked, and nobody gets in by that way. */
#include "cli/lab_tour.h"

#define PROXY "http://192.168.7.1:3128"

/* The answer's head too, in which the proxy says what it did. */
#define ASK(url)                                                                                   \
	{                                                                                          \
		"curl", "-sS", "-D", "-", "--proxy", PROXY, (url), NULL                            \
	}

#define PAGE(url)                                                                                  \
	{                                                                                          \
		"sh", "/run/lab/visitor/page.sh", (url), NULL                                      \
	}

static int tour_kept(const struct command_line *line)
{
	static const char *const news[] = ASK("http://www.example.com/cgi-bin/news.cgi");
	tour_heading(line, "A page by the forward proxy: fetched for the first who asks, and kept "
			   "for the next");
	int status = tour_step("client2", news);
	return status ? status : tour_step("client3", news);
}

static int tour_seen(const struct command_line *line)
{
	static const char *const request[] = {
		"curl", "-sS", "--proxy", PROXY, "http://www.example.com/cgi-bin/request.cgi",
		NULL};
	tour_heading(line, "What the server sees of it: a proxy, and not for whom");
	return tour_step("client2", request);
}

static int tour_refused(const struct command_line *line)
{
	static const char *const blocked[] = PAGE("http://www.shop.com/");
	static const char *const inside[] = PAGE("http://192.168.7.1:8080/");
	static const char *const hosts[] = {"gatehouse", "proxy", "hosts", NULL};
	tour_heading(line, "A site that the policy blocks, with its reason; and an address of the "
			   "inside, to which no way leads");
	int status = tour_step("client2", blocked);
	if (!status)
		status = tour_step("client2", inside);
	return status ? status : tour_step("gateway", hosts);
}

int tour_out(const struct command_line *line)
{
	int status = tour_kept(line);
	if (!status)
		status = tour_seen(line);
	return status ? status : tour_refused(line);
}
