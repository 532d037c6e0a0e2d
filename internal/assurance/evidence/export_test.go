package evidence

// Attachments is attachments, for a test of what a bundle has no room for.
var Attachments = attachments
