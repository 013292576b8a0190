// SPDX-License-Identifier: GPL-2.0-only
/*
 * The cgroups of a guard, each of which is judged by the pages that its own tasks
 * had brought in. Those beyond the places share the last one, which never trips:
 * no tenant takes the policy from the others.
 */

#include <linux/hash.h>
#include <linux/log2.h>

#include "guard.h"

/**
 * raext_group_of - the place of a cgroup
 * @guard: the guard
 * @id: the cgroup's
 * @claim: a free place becomes its own
 *
 * Return: the place; the shared one where all are taken; NULL if the cgroup has
 * none and claims none
 */
struct raext_group *raext_group_of(struct raext_guard *guard, u64 id, bool claim)
{
	u32 at = hash_64(id, ilog2(RAEXT_GUARD_GROUPS));
	u32 i;

	for (i = 0; i < RAEXT_GUARD_GROUPS - 1; i++) {
		struct raext_group *group =
			&guard->groups[(at + i) % (RAEXT_GUARD_GROUPS - 1)];
		u64 has = atomic64_read(&group->cgroup_id);

		if (!has && claim)
			has = atomic64_cmpxchg(&group->cgroup_id, 0, id) ?: id;
		if (has == id)
			return group;
		if (!has)
			return NULL;
	}
	return &guard->groups[RAEXT_GUARD_GROUPS - 1];
}

/**
 * raext_guard_tripped - whether the kernel decides for a cgroup
 * @guard: the guard
 * @cgroup_id: the cgroup's
 *
 * Return: true if its pages went unused too often
 */
bool raext_guard_tripped(struct raext_guard *guard, u64 cgroup_id)
{
	const struct raext_group *group;

	if (likely(!atomic_read(&guard->nr_tripped)))
		return false;
	group = raext_group_of(guard, cgroup_id, false);
	return group && READ_ONCE(group->tripped);
}
