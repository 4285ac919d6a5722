<h1><?= html($greeting) ?></h1>
<p>Load this page again: another member may answer.</p>
<dl>
<?php foreach ($member->describe() as $name => $value) : ?>
    <div><dt><?= html($name) ?></dt><dd><?= html($value) ?></dd></div>
<?php endforeach ?>
</dl>
