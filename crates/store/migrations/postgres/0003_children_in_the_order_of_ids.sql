-- A page of one parent's children (a user's sign-ins) must not look at everybody's.
CREATE INDEX objects_parent_id ON objects (kind, parent, id) WHERE parent IS NOT NULL;
