#include "os/user.h"

#include "base/span.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { BUFFER_SIZE = 1 << 16 };

/* POSIX lets "no such user" be any of these. */
static enum err absence(int result)
{
	bool absent = result == 0 || result == ENOENT || result == ESRCH || result == EBADF ||
		      result == EPERM;
	return absent ? ERR_ABSENT : (enum err)result;
}

/* number[:number] */
static bool read_numbers(struct span text, struct user *ret)
{
	size_t colon = span_find(text, ':');
	uint64_t uid = 0, gid = 0;
	if (!span_to_u64(span_sub(text, 0, colon), UINT32_MAX - 1, &uid))
		return false;
	gid = uid;
	if (colon < text.len &&
	    !span_to_u64(span_sub(text, colon + 1, text.len), UINT32_MAX - 1, &gid))
		return false;
	*ret = (struct user){.uid = (uint32_t)uid, .gid = (uint32_t)gid};
	return true;
}

enum err user_find(const char *text, struct user *ret)
{
	if (read_numbers(span_text(text), ret))
		return OK;
	struct passwd entry, *found = NULL;
	char *buffer = malloc(BUFFER_SIZE);
	if (!buffer)
		return (enum err)ENOMEM;
	int result = getpwnam_r(text, &entry, buffer, BUFFER_SIZE, &found);
	if (found)
		*ret = (struct user){.uid = entry.pw_uid, .gid = entry.pw_gid};
	free(buffer);
	return found ? OK : absence(result);
}

enum err user_group_find(const char *text, uint32_t *ret_gid)
{
	uint64_t number;
	if (span_to_u64(span_text(text), UINT32_MAX - 1, &number)) {
		*ret_gid = (uint32_t)number;
		return OK;
	}
	struct group entry, *found = NULL;
	char *buffer = malloc(BUFFER_SIZE);
	if (!buffer)
		return (enum err)ENOMEM;
	int result = getgrnam_r(text, &entry, buffer, BUFFER_SIZE, &found);
	if (found)
		*ret_gid = entry.gr_gid;
	free(buffer);
	return found ? OK : absence(result);
}

enum err user_become(struct user user, bool keep_capabilities)
{
	int death_signal = 0;
	if (prctl(PR_GET_PDEATHSIG, &death_signal) < 0)
		return err_errno();
	if (keep_capabilities && prctl(PR_SET_KEEPCAPS, 1) < 0)
		return err_errno();
	if (setgroups(0, NULL) < 0 || setresgid(user.gid, user.gid, user.gid) < 0 ||
	    setresuid(user.uid, user.uid, user.uid) < 0)
		return err_errno();
	if (keep_capabilities && prctl(PR_SET_KEEPCAPS, 0) < 0)
		return err_errno();
	if (death_signal && prctl(PR_SET_PDEATHSIG, death_signal) < 0)
		return err_errno();
	return OK;
}

bool user_is_root(void)
{
	return geteuid() == 0;
}
